-- What the detector expected of a bucket when it judged it; NaN where it had nothing to say. For plots.
ALTER TABLE series_points
  ADD COLUMN IF NOT EXISTS expected Float32 DEFAULT nan CODEC(ZSTD(1)), ADD COLUMN IF NOT EXISTS lower Float32 DEFAULT nan CODEC(ZSTD(1)), ADD COLUMN IF NOT EXISTS upper Float32 DEFAULT nan CODEC(ZSTD(1))
