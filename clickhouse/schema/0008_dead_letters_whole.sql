-- What one needs to read a message that was set aside: what was wrong in words, how the body is encoded, and how long it was before it was cut.
ALTER TABLE dead_letters
  ADD COLUMN IF NOT EXISTS detail String DEFAULT '' CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS format LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS compression LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS records UInt32 DEFAULT 0,
  ADD COLUMN IF NOT EXISTS body_bytes UInt64 DEFAULT length(base64Decode(body))
