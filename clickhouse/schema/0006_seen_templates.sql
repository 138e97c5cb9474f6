-- The first closed bucket that held a template. A template is new in that bucket and in no other, however often it is closed again.
CREATE TABLE IF NOT EXISTS seen_templates
(
  tenant LowCardinality(String),
  service LowCardinality(String),
  template UInt64,
  first_bucket DateTime,
  version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, service, template)
TTL first_bucket + INTERVAL 90 DAY
