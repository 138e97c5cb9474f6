-- Columns as the OpenTelemetry Collector's ClickHouse exporter names and types them, so that Grafana and ClickStack read
-- the table as it is; then our own. Partitioned by receive day: one INSERT is one part and so atomic.
CREATE TABLE IF NOT EXISTS otel_logs
(
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  TraceFlags UInt8,
  SeverityText LowCardinality(String) CODEC(ZSTD(1)),
  SeverityNumber UInt8,
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  Body String CODEC(ZSTD(1)),
  ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)),
  ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
  ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  EventName LowCardinality(String) CODEC(ZSTD(1)),
  ObservedTimestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  receive_day Date,
  log_id LowCardinality(String) CODEC(ZSTD(1)),
  log_partition UInt16,
  log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  record_index UInt32 CODEC(Delta(4), ZSTD(1)),
  TimestampTime DateTime ALIAS toDateTime(Timestamp),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_resource_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_body Body TYPE tokenbf_v1(16384, 3, 0) GRANULARITY 1,
  INDEX idx_offset log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY receive_day
ORDER BY (tenant, Timestamp)
TTL receive_day + INTERVAL 30 DAY
SETTINGS index_granularity = 1024, min_compress_block_size = 16384, max_compress_block_size = 131072,
  min_bytes_for_wide_part = 268435456, non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1,
  fsync_after_insert = 1, fsync_part_directory = 1
