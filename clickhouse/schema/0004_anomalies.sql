-- What the watchdog and the alert receivers found. The version is event time in milliseconds: opening, then resolving.
CREATE TABLE IF NOT EXISTS anomalies
(
  tenant LowCardinality(String),
  anomaly_id String,
  kind LowCardinality(String),
  service_id LowCardinality(String),
  metric_name LowCardinality(String),
  detected_at DateTime64(3),
  started_at DateTime64(3),
  resolved UInt8,
  resolved_at DateTime64(3),
  anomaly_score Float64,
  z_score Float64,
  observed Float64,
  expected Float64,
  lower Float64,
  upper Float64,
  history UInt32,
  signal String,
  direction Int8,
  summary String,
  rca_triggered UInt8,
  version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, anomaly_id)
TTL toDateTime(detected_at) + INTERVAL 90 DAY
