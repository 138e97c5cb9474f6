// Which messages of a range the store refuses, found by halving on tables that keep nothing. A plain record of our own goes
// first: a store that refuses that one too has changed, and nothing is held against the messages.
import { CHECK_TABLES } from '../clickhouse/queries/check-tables.ts'
import type { Envelope } from '../streams/contracts/envelope.ts'
import { PermanentError } from '../streams/contracts/errors.ts'
import type { LogMessage } from '../streams/contracts/event-log.ts'
import type { DecodeOutput, Poison } from './decode-contract.ts'
import type { InsertPorts } from './insert-range.ts'

export type DecodeMessages = (messages: readonly LogMessage[]) => Promise<DecodeOutput>

const PLAIN = '{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"lapwing"}}]},"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{"stringValue":"plain"}}]}]}]}'

/** A record that every store of ours takes, at the position and time of another message. */
const toPlain = (like: LogMessage): LogMessage => {
  const body = new TextEncoder().encode(PLAIN)
  const envelope: Envelope = {
    ...like.envelope, signal: 'otlp_logs', format: 'json', compression: 'identity', recordCount: 1, rejected: [], inflatedBytes: body.byteLength, expandedBytes: body.byteLength,
  }
  return { offset: like.offset, envelope, body }
}

export const isRefusal = (error: unknown): error is PermanentError => error instanceof PermanentError && error.code === 'STORE_REJECTED'

/** Ascending by offset; empty when the store refuses none of them by itself, or refuses everything. Safe to repeat. */
export const findRefused = async (messages: readonly LogMessage[], decode: DecodeMessages, clickhouse: Pick<InsertPorts, 'insert' | 'command'>): Promise<readonly Poison[]> => {
  if (messages.length === 0) return []
  for (const { create } of Object.values(CHECK_TABLES)) await clickhouse.command(create.sql)

  /** In the store's words; null when it takes them. */
  const refusalOf = async (some: readonly LogMessage[]): Promise<string | null> => {
    const { logs, partials } = await decode(some)
    try {
      for (const [block, { table }] of [[logs, CHECK_TABLES.otel_logs], [partials, CHECK_TABLES.series_partials]] as const) {
        if (block !== null) await clickhouse.insert({ table, block, token: 'check' })
      }
      return null
    } catch (error) {
      if (isRefusal(error)) return error.message
      throw error
    }
  }
  const search = async (some: readonly LogMessage[]): Promise<readonly Poison[]> => {
    const detail = await refusalOf(some)
    if (detail === null) return []
    if (some.length === 1) return [{ offset: some[0].offset, reason: 'store_rejected', detail }]
    const half = some.length >> 1
    return [...await search(some.slice(0, half)), ...await search(some.slice(half))]
  }

  if (await refusalOf([toPlain(messages[0])]) !== null) return []
  return await search(messages)
}
