-- Nothing waits for the parts to be rewritten.
ALTER TABLE otel_logs DROP INDEX IF EXISTS idx_log_attr_value, DROP INDEX IF EXISTS idx_resource_attr_value SETTINGS alter_sync = 0
