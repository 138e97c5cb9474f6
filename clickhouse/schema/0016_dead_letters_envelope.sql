-- What a replay needs beside the body, which is whole from now on: the envelope as it was in the log, in base64. Empty in rows from before.
ALTER TABLE dead_letters
  ADD COLUMN IF NOT EXISTS envelope String DEFAULT '' CODEC(ZSTD(1))
