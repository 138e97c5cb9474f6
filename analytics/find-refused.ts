// Which messages of a range the store refuses, found by halving on tables that keep nothing. Plain records of our own go
// first: a store that refuses those too has changed, and nothing is held against the messages.
import { CHECK_TABLES } from '../clickhouse/queries/check-tables.ts'
import type { Envelope, Signal } from '../streams/contracts/envelope.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { LogMessage } from '../streams/contracts/consumer-group.ts'
import type { DecodeOutput, Poison } from './decode-contract.ts'
import type { InsertPorts } from './insert-range.ts'
import { blocksOf } from './range-blocks.ts'

export type DecodeMessages = (messages: readonly LogMessage[]) => Promise<DecodeOutput>

const RESOURCE = '"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"lapwing"}}]}'
const PLAIN: readonly (readonly [signal: Signal, body: string])[] = [
  ['otlp_logs', `{"resourceLogs":[{${RESOURCE},"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{"stringValue":"plain"}}]}]}]}`],
  [
    'otlp_traces',
    `{"resourceSpans":[{${RESOURCE},"scopeSpans":[{"spans":[{"traceId":"${'1'.repeat(32)}","spanId":"${'1'.repeat(16)}","name":"plain","kind":2}]}]}]}`,
  ],
]

/** A log record and a span that every store of ours takes, at the position and time of another message. */
const toPlain = (like: LogMessage): LogMessage[] =>
  PLAIN.map(([signal, text]) => {
    const body = new TextEncoder().encode(text)
    const envelope: Envelope = {
      ...like.envelope,
      signal,
      format: 'json',
      compression: 'identity',
      recordCount: 1,
      rejected: [],
      inflatedBytes: body.byteLength,
      expandedBytes: body.byteLength,
    }
    return { offset: like.offset, envelope, body }
  })

export const isRefusal = (error: unknown): error is PermanentError => error instanceof PermanentError && error.code === 'STORE_REJECTED'

/** Ascending by offset; empty when the store refuses none of them by itself, or refuses everything. Safe to repeat. */
export const findRefused = async (
  messages: readonly LogMessage[],
  decode: DecodeMessages,
  clickhouse: Pick<InsertPorts, 'insert' | 'command'>,
): Promise<readonly Poison[]> => {
  if (messages.length === 0) return []
  for (const { create } of Object.values(CHECK_TABLES)) await clickhouse.command(create.sql)

  /** In the store's words; null when it takes them. */
  const refusalOf = async (some: readonly LogMessage[]): Promise<string | null> => {
    const decoded = await decode(some)
    try {
      for (const [table, block] of blocksOf(decoded)) await clickhouse.insert({ table: CHECK_TABLES[table].table, block, token: 'check' })
      return null
    } catch (error) {
      if (isRefusal(error)) return error.message
      throw error
    } finally {
      decoded.release?.()
    }
  }
  const search = async (some: readonly LogMessage[]): Promise<readonly Poison[]> => {
    const detail = await refusalOf(some)
    if (detail === null) return []
    if (some.length === 1) return [{ offset: some[0].offset, reason: 'store_rejected', detail }]
    const half = some.length >> 1
    return [...(await search(some.slice(0, half))), ...(await search(some.slice(half)))]
  }

  if ((await refusalOf(toPlain(messages[0]))) !== null) return []
  return await search(messages)
}
