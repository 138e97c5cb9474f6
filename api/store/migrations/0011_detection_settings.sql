-- What people said of series: how they are to be judged, and which anomalies were noise. Null: not said here; metric '' is the whole service.
CREATE TABLE detection_settings (
  tenant text NOT NULL REFERENCES tenants (id),
  service text NOT NULL,
  metric text NOT NULL,
  sensitivity double precision CHECK (sensitivity BETWEEN 0.1 AND 10),
  direction text CHECK (direction IN ('up', 'down', 'both')),
  ignored boolean,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, service, metric)
);

CREATE TABLE anomaly_feedback (
  tenant text NOT NULL REFERENCES tenants (id),
  anomaly_id text NOT NULL,
  service text NOT NULL,
  metric text NOT NULL,
  direction int NOT NULL CHECK (direction IN (-1, 1)),
  verdict text NOT NULL CHECK (verdict IN ('noise', 'real')),
  note text,
  author text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, anomaly_id)
);
CREATE INDEX anomaly_feedback_by_series ON anomaly_feedback (tenant, service, metric) WHERE verdict = 'noise';

-- Counted up in the transaction of a change: whoever judges looks at the number, and reads anew when it is another.
CREATE TABLE detection_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version bigint NOT NULL
);
INSERT INTO detection_version (version) VALUES (1);
CREATE FUNCTION detection_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE detection_version SET version = version + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER detection_changed AFTER INSERT OR DELETE OR UPDATE ON detection_settings FOR EACH STATEMENT EXECUTE FUNCTION detection_changed();
CREATE TRIGGER detection_changed AFTER INSERT OR DELETE OR UPDATE ON anomaly_feedback FOR EACH STATEMENT EXECUTE FUNCTION detection_changed();
