-- Dead letters that were put back into the log: once, unless somebody asks for it again.
CREATE TABLE dead_letter_replays (
  tenant text NOT NULL REFERENCES tenants (id),
  -- Position in the log, as the API tells it.
  id text NOT NULL,
  times integer NOT NULL,
  begun_at timestamptz NOT NULL,
  -- Where it went, partition:offset; null while that is not known.
  position text,
  PRIMARY KEY (tenant, id)
);
