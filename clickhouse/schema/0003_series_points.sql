-- One row per series point: what closed buckets add up to. The version says how much of the log a row covers, so that
-- repeating a write changes nothing and an amendment wins.
CREATE TABLE IF NOT EXISTS series_points
(
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  metric LowCardinality(String) CODEC(ZSTD(1)),
  bucket DateTime CODEC(DoubleDelta, ZSTD(1)),
  count UInt64 CODEC(ZSTD(1)),
  sum Float64 CODEC(ZSTD(1)),
  min Float64 CODEC(ZSTD(1)),
  max Float64 CODEC(ZSTD(1)),
  sum_sq Float64 CODEC(ZSTD(1)),
  version UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, service, metric, bucket)
TTL bucket + INTERVAL 30 DAY
