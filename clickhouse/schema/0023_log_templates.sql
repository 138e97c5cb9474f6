-- Texts of message templates: the masked text, one message as it came and where that record is, when it was first and last
-- named. Rows of one key may be written any number of times: every aggregate takes them as one.
CREATE TABLE IF NOT EXISTS log_templates
(
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  template UInt64 CODEC(ZSTD(1)),
  text SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
  example SimpleAggregateFunction(anyLast, String) CODEC(ZSTD(1)),
  record SimpleAggregateFunction(anyLast, String) CODEC(ZSTD(1)),
  first_seen SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)),
  last_seen SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, service, template)
TTL last_seen + INTERVAL 30 DAY
