-- Nothing waits for the parts to be rewritten.
ALTER TABLE otel_logs DROP INDEX IF EXISTS idx_body SETTINGS alter_sync = 0
