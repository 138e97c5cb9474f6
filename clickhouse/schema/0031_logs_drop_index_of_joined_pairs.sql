-- Nothing waits for the parts to be rewritten.
ALTER TABLE otel_logs DROP INDEX IF EXISTS idx_attribute_pair SETTINGS alter_sync = 0
