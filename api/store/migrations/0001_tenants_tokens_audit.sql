-- Who may call: tenants, users, their roles, their tokens; and what they did.
CREATE TABLE tenants (
  id text PRIMARY KEY,
  name text NOT NULL,
  incident_count int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id text PRIMARY KEY,
  email text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
  tenant text NOT NULL REFERENCES tenants (id),
  user_id text NOT NULL REFERENCES users (id),
  role text NOT NULL CHECK (role IN ('viewer', 'member', 'admin', 'owner', 'super-admin')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, user_id)
);

-- A token is kept as its SHA-256 only. Revoking keeps the row.
CREATE TABLE tokens (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  user_id text NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  sha256 text NOT NULL UNIQUE,
  scopes jsonb NOT NULL,
  daily_mutation_limit bigint,
  daily_log_bytes_limit bigint,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  FOREIGN KEY (tenant, user_id) REFERENCES memberships (tenant, user_id) ON DELETE CASCADE
);
CREATE INDEX tokens_by_tenant ON tokens (tenant, created_at);

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  created_at timestamptz NOT NULL,
  actor_user_id text,
  actor_pat_id text,
  actor_email text,
  agent_id text,
  conversation_id text,
  request_id text,
  action text NOT NULL,
  resource text NOT NULL,
  meta jsonb NOT NULL
);
CREATE INDEX audit_log_by_tenant ON audit_log (tenant, created_at DESC, id DESC);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();

CREATE TABLE settings (
  key text PRIMARY KEY,
  value jsonb NOT NULL
);
