-- State of the watchdog, to go on after a restart. Two slots take turns and the header (tenant and service empty) is
-- written last: a torn checkpoint leaves the one before it whole.
CREATE TABLE IF NOT EXISTS watchdog_checkpoints
(
  slot UInt8,
  tenant String,
  service String,
  generation UInt64,
  state String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (slot, tenant, service)
