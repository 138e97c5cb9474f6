-- When what goes wrong is expected. Services: none named is all of them. ended_at is when it ends in effect: ends_at, or when it was ended.
CREATE TABLE maintenance_windows (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenants (id),
  services jsonb NOT NULL,
  reason text NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  author text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (starts_at < ends_at AND ended_at <= ends_at)
);
CREATE INDEX maintenance_windows_by_end ON maintenance_windows (tenant, ended_at);

-- Signals that began in a window: they open nothing while it lasts. opened_at: when one that outlasted its window was handed on to incidents.
CREATE TABLE muted_signals (
  tenant text NOT NULL,
  kind text NOT NULL,
  signal_id text NOT NULL,
  window_id text NOT NULL REFERENCES maintenance_windows (id),
  service text NOT NULL,
  summary text NOT NULL,
  severity text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  opened_at timestamptz,
  neighbours jsonb NOT NULL,
  PRIMARY KEY (tenant, kind, signal_id)
);
CREATE INDEX muted_signals_by_window ON muted_signals (window_id, started_at);
CREATE INDEX muted_signals_going_on ON muted_signals (window_id) WHERE ended_at IS NULL AND opened_at IS NULL;
