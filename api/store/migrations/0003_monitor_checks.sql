-- What came of each heartbeat: a hit, or a miss from its deadline until the next hit.
CREATE TABLE monitor_checks (
  tenant text NOT NULL,
  monitor_id text NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
  at timestamptz NOT NULL,
  ok boolean NOT NULL,
  -- Of a miss only: when it was over, and the signal that it opened.
  ended_at timestamptz,
  signal_id text,
  PRIMARY KEY (monitor_id, at, ok)
);

ALTER TABLE monitors ADD COLUMN hits bigint NOT NULL DEFAULT 0;
