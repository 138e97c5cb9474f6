-- Nothing waits for the parts to be rewritten.
ALTER TABLE otel_logs DROP INDEX IF EXISTS idx_body_lower SETTINGS alter_sync = 0
