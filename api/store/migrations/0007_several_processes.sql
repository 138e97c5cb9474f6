-- What several processes share: who lives and what each says of itself, who owns what for now, and when credentials changed.
CREATE TABLE processes (
  id text PRIMARY KEY,
  role text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  figures jsonb NOT NULL
);

-- A lease has one owner until it expires. Each change of owner is a new epoch; what is written under an older one is refused.
CREATE TABLE leases (
  name text PRIMARY KEY,
  owner text NOT NULL,
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Counted up in the very transaction of a change, so that whoever reads a number has everything up to it. Listeners are told at once;
-- who was not told sees the number at its next look.
CREATE TABLE credential_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version bigint NOT NULL
);
INSERT INTO credential_version (version) VALUES (1);

CREATE FUNCTION credentials_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE credential_version SET version = version + 1;
  PERFORM pg_notify('lapwing_credentials', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER credentials_changed AFTER INSERT OR DELETE OR UPDATE OF sha256, scopes, revoked_at, expires_at, daily_mutation_limit, daily_log_bytes_limit, rate_limit_rps ON tokens
  FOR EACH STATEMENT EXECUTE FUNCTION credentials_changed();
CREATE TRIGGER credentials_changed AFTER INSERT OR DELETE OR UPDATE OF role, removed_at ON memberships FOR EACH STATEMENT EXECUTE FUNCTION credentials_changed();
CREATE TRIGGER credentials_changed AFTER INSERT OR DELETE OR UPDATE OF token_sha256 ON monitors FOR EACH STATEMENT EXECUTE FUNCTION credentials_changed();
