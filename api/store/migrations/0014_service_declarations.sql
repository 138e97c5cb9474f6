-- What people said of their services: whose they are, and what they depend on, whether or not telemetry ever shows it.
CREATE TABLE service_declarations (
  tenant text NOT NULL REFERENCES tenants (id),
  service text NOT NULL,
  owner text,
  description text,
  depends_on jsonb NOT NULL,
  author text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, service)
);
