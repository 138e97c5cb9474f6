-- API keys are tokens of another kind: same table, same life, one look-up. A member who leaves keeps its row, and its
-- tokens fail from then on.
ALTER TABLE tokens ADD COLUMN kind text NOT NULL DEFAULT 'pat' CHECK (kind IN ('pat', 'api_key'));
ALTER TABLE tokens ADD COLUMN key_scope text CHECK (key_scope IN ('ingestion', 'readonly', 'full'));
ALTER TABLE tokens ADD COLUMN rate_limit_rps integer CHECK (rate_limit_rps > 0);

ALTER TABLE memberships ADD COLUMN removed_at timestamptz;

ALTER TABLE tenants ADD COLUMN plan text NOT NULL DEFAULT 'self-hosted';
ALTER TABLE tenants ADD COLUMN contact_email text;

-- Whoever runs this installation also makes its tenants.
UPDATE memberships SET role = 'super-admin' WHERE tenant = 'default' AND user_id = 'user_owner' AND role = 'owner';
