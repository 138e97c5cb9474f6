// Ranges for decoder tests, and rows of a block in the reference's form: Maps as records, checked to hold no key twice.
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import type { DecodeInput, DecodeOutput } from '../../../analytics/decode-contract.ts'
import type { Envelope } from '../../../streams/contracts/envelope.ts'
import { readNativeRows } from '../../support/native-read.ts'
import type { ReferenceRow } from '../../support/otlp-reference.ts'

export const NOW_MS = Date.UTC(2026, 3, 7, 12, 0, 3)
export const DAY_MS = 86_400_000
export const nanos = (ms: number): bigint => BigInt(ms) * 1_000_000n
export const CONTEXT = { receivedAtMs: NOW_MS, maxAheadMs: DAY_MS, retentionMs: 30 * DAY_MS }

export const envelopeOf = (changes: Partial<Envelope> = {}): Envelope => ({
  signal: 'otlp_logs',
  format: 'protobuf',
  compression: 'identity',
  tenant: 'default',
  tokenId: '',
  receivedAtMs: NOW_MS,
  recordCount: 1,
  inflatedBytes: 0,
  expandedBytes: 0,
  rejected: [],
  subject: '',
  ...changes,
})

export interface TestMessage {
  readonly body: Uint8Array | string
  readonly envelope?: Partial<Envelope>
}
export const rangeOf = (messages: readonly TestMessage[], changes: Partial<DecodeInput> = {}): DecodeInput => ({
  logId: '0123456789abcdef0123456789abcdef',
  partition: 1,
  receiveDay: Math.floor(NOW_MS / DAY_MS),
  maxAheadMs: DAY_MS,
  retentionMs: 30 * DAY_MS,
  messages: messages.map(({ body, envelope }, i) => ({
    offset: 100 + i,
    envelope: envelopeOf(envelope),
    body: typeof body === 'string' ? Buffer.from(body) : body,
  })),
  ...changes,
})

const MAPS = ['ResourceAttributes', 'ScopeAttributes', 'LogAttributes']
const toRecord = (pairs: [string, string][]): Record<string, string> => {
  const record = Object.fromEntries(pairs)
  if (Object.keys(record).length !== pairs.length) throw new Error(`a key stands twice in ${JSON.stringify(pairs)}`)
  return record
}

export interface LogRow extends ReferenceRow {
  tenant: string
  receive_day: number
  log_id: string
  log_partition: number
  log_offset: bigint
}
export const rowsOf = (output: DecodeOutput): LogRow[] =>
  (output.logs === null ? [] : readNativeRows(output.logs)).map((row) => {
    for (const name of MAPS) row[name] = toRecord(row[name] as [string, string][])
    return row as unknown as LogRow
  })

/** Only what comes from the body. */
export const bodyColumns = ({ tenant: _t, receive_day: _d, log_id: _l, log_partition: _p, log_offset: _o, ...row }: LogRow): ReferenceRow =>
  row

export const decodeOne = (body: Uint8Array | string, envelope: Partial<Envelope> = {}): LogRow[] => {
  const output = decodeBatch(rangeOf([{ body, envelope }]))
  if (output.poison.length > 0) throw new Error(output.poison[0].detail)
  return rowsOf(output)
}

export interface PartialRow {
  tenant: string
  service: string
  bucket: number
  metric: string[]
  count: bigint[]
  sum: number[]
  min: number[]
  max: number[]
  sum_sq: number[]
  templates: bigint[]
  receive_day: number
  log_offset: bigint
  last_offset: bigint
}
export const partialsOf = (output: DecodeOutput): PartialRow[] =>
  output.partials === null ? [] : (readNativeRows(output.partials) as unknown as PartialRow[])
