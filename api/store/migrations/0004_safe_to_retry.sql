-- What makes a call safe to retry and an agent safe to let loose.

-- Answers that were given under an Idempotency-Key, kept for a day: sealed under a key that the Idempotency-Key is part of,
-- which is itself kept as a hash only.
CREATE TABLE idempotency_answers (
  tenant text NOT NULL,
  owner text NOT NULL,
  key_hash text NOT NULL,
  fingerprint text NOT NULL,
  status int NOT NULL,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, owner, key_hash)
);
CREATE INDEX idempotency_answers_by_age ON idempotency_answers (created_at);

-- What a token has used of its daily caps; a day is a UTC day.
CREATE TABLE token_usage (
  tenant text NOT NULL,
  token_id text NOT NULL,
  day date NOT NULL,
  mutations bigint NOT NULL DEFAULT 0,
  log_bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, token_id, day)
);

-- Requests by address and window, of all processes together. An address belongs to no tenant.
CREATE TABLE address_windows (
  address text NOT NULL,
  window_start timestamptz NOT NULL,
  requests bigint NOT NULL,
  PRIMARY KEY (address, window_start)
);

-- The audit trail becomes a chain per tenant: each row's hash covers the one before it. Rows from before have none.
ALTER TABLE audit_log ADD COLUMN seq bigint;
ALTER TABLE audit_log ADD COLUMN hash text;
CREATE UNIQUE INDEX audit_log_chain ON audit_log (tenant, seq);
CREATE TABLE audit_heads (
  tenant text PRIMARY KEY,
  seq bigint NOT NULL,
  hash text NOT NULL
);
CREATE TRIGGER audit_log_not_truncated BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
