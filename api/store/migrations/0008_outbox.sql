-- What others are to be told of, written in the transaction of what happened, so that neither is without the other. A row is sent until it is
-- taken, and kept for a week.
CREATE TABLE outbox (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  type text NOT NULL,
  resource text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  attempts int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  last_error text
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE sent_at IS NULL;
