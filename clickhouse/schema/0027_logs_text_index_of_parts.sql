-- In the background, part by part. Until a part has its index, a search reads the part's bodies instead.
ALTER TABLE otel_logs MATERIALIZE INDEX idx_body_text SETTINGS mutations_sync = 0
