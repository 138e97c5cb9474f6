-- Key and value together, of record and resource: an index of values alone finds "200" in every granule whatever its key.
ALTER TABLE otel_logs ADD INDEX IF NOT EXISTS idx_attribute_pair
arrayMap((k, v) -> cityHash64(k, v), arrayConcat(mapKeys(LogAttributes), mapKeys(ResourceAttributes)), arrayConcat(mapValues(LogAttributes), mapValues(ResourceAttributes)))
TYPE bloom_filter(0.01) GRANULARITY 1
