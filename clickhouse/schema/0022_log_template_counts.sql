-- How often each message template of a service occurred, per severity (0 unspecified, 1 trace to 6 fatal) and minute of event
-- time. Template 0: those beyond the bound. Written under the range's own token.
CREATE TABLE IF NOT EXISTS log_template_counts
(
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  severity UInt8 CODEC(ZSTD(1)),
  template UInt64 CODEC(ZSTD(1)),
  minute DateTime CODEC(Delta(4), ZSTD(1)),
  records UInt32 CODEC(ZSTD(1)),
  receive_day Date CODEC(ZSTD(1)),
  log_id LowCardinality(String) CODEC(ZSTD(1)),
  log_partition UInt16 CODEC(ZSTD(1)),
  log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  last_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  INDEX idx_offset log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY receive_day
ORDER BY (tenant, toStartOfHour(minute), service, template, severity, minute)
TTL receive_day + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1
