-- Messages that were set aside, once per position however often they are written. The body is base64, its first 64 KiB.
CREATE TABLE IF NOT EXISTS dead_letters
(
  log_id LowCardinality(String),
  log_partition UInt16,
  log_offset UInt64,
  tenant LowCardinality(String),
  signal LowCardinality(String),
  reason LowCardinality(String),
  received_at DateTime64(3),
  body String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, log_id, log_partition, log_offset)
TTL toDateTime(received_at) + INTERVAL 30 DAY
