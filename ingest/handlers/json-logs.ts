// POST /api/v1/logs/ingest: plain JSON events as Vector, Fluent Bit and people send them; faults are told per event.
import { describeRejections } from '../../streams/otlp/walk.ts'
import type { RejectReason } from '../../streams/otlp/walk.ts'
import type { Handler } from '../http/exchange.ts'
import { failureReply, jsonReply } from '../http/json-reply.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'
import { handleRecords } from './records.ts'
import type { RecordsFormat } from './records.ts'

interface EventError {
  readonly index: number
  readonly code: string
  readonly message: string
}

const toErrors = (rejected: readonly number[], faults: readonly RejectReason[]): EventError[] =>
  faults.map((code, position) => ({ index: rejected[position], code, message: describeRejections({ [code]: 1 }) }))

const FORMAT: RecordsFormat = {
  signal: 'json_logs',
  kinds: {
    'application/json': 'events',
    'text/plain': 'events',
    'text/json': 'events',
    'application/x-ndjson': 'events_ndjson',
    'application/ndjson': 'events_ndjson',
    'application/jsonl': 'events_ndjson',
    'application/x-jsonlines': 'events_ndjson',
  },
  wanted: 'Content-Type must be application/json, application/x-ndjson or text/plain',
  succeeded: (_, { recordCount, rejected, value }) =>
    jsonReply({ accepted: recordCount - rejected.length, rejected: rejected.length, errors: toErrors(rejected, value.faults) }),
  failed: (_, failure) => failureReply(failure),
}

export const handleJsonLogs = (config: HandlerConfig, deps: HandlerDeps): Handler => handleRecords(FORMAT, config, deps)
