-- In the background, part by part. Until a part has its index, a search reads the part's attributes instead.
ALTER TABLE otel_logs MATERIALIZE INDEX idx_attribute_hash SETTINGS mutations_sync = 0
