-- What is watched, what went wrong, and what was said about it.
CREATE TABLE monitors (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenants (id),
  name text NOT NULL,
  type text NOT NULL CHECK (type IN ('heartbeat')),
  service text,
  interval_sec int NOT NULL,
  grace_sec int NOT NULL,
  alert_labels jsonb,
  tags jsonb NOT NULL DEFAULT '[]',
  token_sha256 text NOT NULL UNIQUE,
  token_sealed text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'up', 'down')),
  miss_id text,
  last_hit_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (tenant, name)
);

CREATE TABLE incidents (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenants (id),
  number int NOT NULL,
  title text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('critical', 'major', 'minor')),
  status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
  opened_at timestamptz NOT NULL,
  acknowledged_at timestamptz,
  resolved_at timestamptz,
  auto_resolved boolean NOT NULL DEFAULT false,
  postmortem text,
  UNIQUE (tenant, number)
);
CREATE INDEX incidents_by_opening ON incidents (tenant, opened_at DESC, id DESC);
CREATE INDEX incidents_by_resolution ON incidents (tenant, status, resolved_at);

CREATE TABLE incident_signals (
  tenant text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('anomaly', 'alert', 'heartbeat', 'check', 'log_alert')),
  signal_id text NOT NULL,
  incident_id text NOT NULL REFERENCES incidents (id),
  service text NOT NULL,
  summary text NOT NULL,
  severity text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  neighbours jsonb NOT NULL,
  PRIMARY KEY (tenant, kind, signal_id)
);
CREATE INDEX incident_signals_by_incident ON incident_signals (incident_id, started_at);

-- A resolution that came before its opening: the opening, when it comes, is already over.
CREATE TABLE ended_signals (
  tenant text NOT NULL,
  kind text NOT NULL,
  signal_id text NOT NULL,
  ended_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, kind, signal_id)
);

CREATE TABLE incident_updates (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  incident_id text NOT NULL REFERENCES incidents (id),
  at timestamptz NOT NULL,
  author text NOT NULL,
  status text,
  body text NOT NULL
);
CREATE INDEX incident_updates_by_incident ON incident_updates (incident_id, id);

CREATE TABLE alert_states (
  tenant text NOT NULL REFERENCES tenants (id),
  fingerprint text NOT NULL,
  status text NOT NULL CHECK (status IN ('firing', 'resolved')),
  last_seen_at timestamptz NOT NULL,
  state jsonb NOT NULL,
  PRIMARY KEY (tenant, fingerprint)
);
CREATE INDEX alert_states_stale ON alert_states (status, last_seen_at);
