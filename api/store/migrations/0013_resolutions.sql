-- What fixed an incident, and by what it is known again: its services, what its signals said, and the messages of its errors.
CREATE TABLE resolutions (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenants (id),
  -- Of an incident, or of an anomaly that belongs to none.
  incident_id text NOT NULL,
  source text NOT NULL CHECK (source IN ('webhook', 'postmortem')),
  resolution text NOT NULL,
  resolved_by text NOT NULL,
  time_to_recovery_minutes double precision,
  tags jsonb NOT NULL,
  services jsonb NOT NULL,
  summaries jsonb NOT NULL,
  templates jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX resolutions_by_time ON resolutions (tenant, created_at DESC);
CREATE UNIQUE INDEX resolutions_postmortem ON resolutions (tenant, incident_id) WHERE source = 'postmortem';
