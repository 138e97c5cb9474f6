// Envelopes for tests: one plain default, changed field by field.
import type { Envelope } from '../../streams/contracts/envelope.ts'

export const createEnvelope = (changes: Partial<Envelope> = {}): Envelope => ({
  signal: 'otlp_logs',
  format: 'protobuf',
  compression: 'identity',
  tenant: 'default',
  tokenId: 'token-1',
  receivedAtMs: 1_700_000_000_000,
  recordCount: 1,
  inflatedBytes: 100,
  expandedBytes: 228,
  rejected: [],
  subject: '',
  ...changes,
})
