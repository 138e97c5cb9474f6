-- When an incident last came back: it stays open for a cooldown from then on.
ALTER TABLE incidents ADD COLUMN reopened_at timestamptz;
CREATE INDEX incidents_reopened ON incidents (reopened_at) WHERE reopened_at IS NOT NULL AND status <> 'resolved';
