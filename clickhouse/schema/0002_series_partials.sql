-- What one range of the log adds to each (tenant, service, 10 s bucket). Written under the range's own token; two days.
CREATE TABLE IF NOT EXISTS series_partials
(
  tenant LowCardinality(String),
  service LowCardinality(String),
  bucket DateTime,
  metric Array(LowCardinality(String)),
  count Array(UInt64),
  sum Array(Float64),
  min Array(Float64),
  max Array(Float64),
  sum_sq Array(Float64),
  templates Array(UInt64),
  receive_day Date,
  log_id LowCardinality(String),
  log_partition UInt16,
  log_offset UInt64,
  last_offset UInt64,
  INDEX idx_offset log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY receive_day
ORDER BY (log_partition, log_offset, tenant, service, bucket)
TTL receive_day + INTERVAL 3 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1
