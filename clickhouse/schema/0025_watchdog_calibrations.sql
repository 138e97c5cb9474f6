-- Calibrated detectors of the watchdog as bytes (base64), each stored about once an hour. Two slots of a series take turns: the one that
-- the last checkpoint names is never written over. What nobody writes any more goes after a month.
CREATE TABLE IF NOT EXISTS watchdog_calibrations
(
  tenant String,
  service String,
  metric String,
  slot UInt8,
  generation UInt64,
  stored_at DateTime DEFAULT now(),
  state String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (tenant, service, metric, slot)
TTL stored_at + INTERVAL 30 DAY
