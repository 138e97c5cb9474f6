-- What all processes together let through of credentials with a rate of their own: a count that only grows, and that may begin anew.
CREATE UNLOGGED TABLE rate_use (
  tenant text NOT NULL,
  token_id text NOT NULL,
  taken bigint NOT NULL,
  used_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, token_id)
);
