-- How often credentials with a rate of their own were asked about in all processes: a count that only grows, and that may begin anew.
CREATE UNLOGGED TABLE rate_use (
  tenant text NOT NULL,
  token_id text NOT NULL,
  asked bigint NOT NULL,
  used_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, token_id)
);
