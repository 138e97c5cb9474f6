-- Words in any case: the index holds tokens in lower case. Half the bytes of the index before it, which had three forms of
-- each word looked up; reading the index is what a search for a rare word costs.
ALTER TABLE otel_logs ADD INDEX IF NOT EXISTS idx_body_lower lower(Body) TYPE tokenbf_v1(8192, 3, 0) GRANULARITY 1
