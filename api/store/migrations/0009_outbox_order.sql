-- The order in which events were written. Not that of created_at: it is when their transaction began, which is not when it got the tenant's lock.
ALTER TABLE outbox ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX outbox_waiting ON outbox (resource, seq) WHERE sent_at IS NULL;
