-- Spans, with what says who calls whom, how often, how long and how well: ids as bytes, one name, no attributes but the peer's name.
-- Ordered so that the traces of a window can be read whole, all of them or every n-th: ten minutes, then a hash of the trace.
-- Kept as long as logs: root causes are worked out from them when somebody asks, also weeks later.
CREATE TABLE IF NOT EXISTS otel_spans
(
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Duration UInt64 CODEC(T64, ZSTD(1)),
  TraceId FixedString(16) CODEC(ZSTD(1)),
  SpanId FixedString(8) CODEC(NONE),
  ParentSpanId FixedString(8) CODEC(ZSTD(1)),
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind Enum8('Unspecified' = 0, 'Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5) CODEC(ZSTD(1)),
  StatusCode Enum8('Unset' = 0, 'Ok' = 1, 'Error' = 2) CODEC(ZSTD(1)),
  IsEntry UInt8 CODEC(ZSTD(1)),
  PeerService LowCardinality(String) CODEC(ZSTD(1)),
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  receive_day Date,
  log_id LowCardinality(String) CODEC(ZSTD(1)),
  log_partition UInt16,
  log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  record_index UInt32 CODEC(Delta(4), ZSTD(1)),
  INDEX idx_offset log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY receive_day
ORDER BY (tenant, toStartOfTenMinutes(Timestamp), cityHash64(TraceId), TraceId)
TTL receive_day + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, min_bytes_for_wide_part = 67108864,
  fsync_after_insert = 1, fsync_part_directory = 1
