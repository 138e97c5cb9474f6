// One block of one range into one table, exactly once in effect. A first send that is acknowledged is done. Every later
// one sends the same token first (then no late copy of it can land), asks by position whether the range is there, and only
// when it is not goes on to the next token: ":2", ":3", … So an acknowledged and absent token is never trusted again.
// A cluster keeps tokens and parts in Keeper, together: there every acknowledgement is final, and a replica that is behind must not be asked.
import { isRefusal } from './find-refused.ts'
import type { Retry } from './retry.ts'
import { untilDone } from './retry.ts'
import type { RangeTable } from './range-blocks.ts'
import type { Range } from './ranges.ts'

export interface RangeTarget {
  readonly token: string
  /** Of a cluster; null: one server. */
  readonly shard: number | null
  readonly send: (token: string) => Promise<void>
  /** Whether the range's rows are in the table, by position. */
  readonly isPresent: () => Promise<boolean>
}

/** Unix ms → DateTime64(3) as JSONEachRow takes it: decimals only in quotes, and no small number in quotes. */
export const toStoreTime = (ms: number): string | number => (ms < 1e12 ? Math.floor(ms / 1000) : (ms / 1000).toFixed(3))

export interface InsertPorts {
  insert(request: { table: string; block: Uint8Array | Uint8Array[]; token: string; shard?: number | null }): Promise<void>
  insertRows(request: { table: string; rows: object[]; token?: string; shard?: number | null }): Promise<void>
  command(sql: string): Promise<void>
  query<Row>(
    query: { name: string; sql: string },
    params: Record<string, unknown>,
    options?: { readonly shard?: number | null },
  ): Promise<Row[]>
  /** Where a new range of the partition goes; null or absent: there is one server. */
  shardOf?(partition: number): number | null
}

const BY_POSITION = ` WHERE receive_day = toDate({day:UInt32}) AND log_id = {logId:String}
      AND log_partition = {partition:UInt16} AND log_offset >= {first:UInt64} AND log_offset <= {last:UInt64} LIMIT 1`
const PRESENCE: Record<RangeTable, { name: string; sql: string; local: string }> = {
  otel_logs: {
    name: 'range_present_logs',
    sql: 'SELECT 1 AS present FROM otel_logs'.concat(BY_POSITION),
    local: 'SELECT 1 AS present FROM otel_logs_local'.concat(BY_POSITION),
  },
  otel_spans: {
    name: 'range_present_spans',
    sql: 'SELECT 1 AS present FROM otel_spans'.concat(BY_POSITION),
    local: 'SELECT 1 AS present FROM otel_spans_local'.concat(BY_POSITION),
  },
  series_partials: {
    name: 'range_present_partials',
    sql: 'SELECT 1 AS present FROM series_partials'.concat(BY_POSITION),
    local: 'SELECT 1 AS present FROM series_partials_local'.concat(BY_POSITION),
  },
  log_template_counts: {
    name: 'range_present_templates',
    sql: 'SELECT 1 AS present FROM log_template_counts'.concat(BY_POSITION),
    local: 'SELECT 1 AS present FROM log_template_counts_local'.concat(BY_POSITION),
  },
}

/** Asks the table by position, in a cluster that of the range's shard. Not a tenant's read: a range holds several tenants and no row leaves. */
export const presenceOf =
  (clickhouse: Pick<InsertPorts, 'query'>, table: RangeTable, logId: string, range: Omit<Range, 'messages'>, shard: number | null) =>
  async (): Promise<boolean> => {
    const { name, sql, local } = PRESENCE[table]
    const rows = await clickhouse.query<{ present: number }>(
      { name, sql: shard === null ? sql : local },
      {
        day: range.receiveDay,
        logId,
        partition: range.partition,
        first: String(range.first),
        last: String(range.last),
      },
      { shard },
    )
    return rows.length > 0
  }

const SLOW_AFTER_TOKENS = 3

/** Sends token after token until the range is present. Each is acknowledged before the next is sent. */
const sendUntilPresent = async (target: RangeTarget, maxTokens: number): Promise<boolean> => {
  for (let count = 1; count <= maxTokens; count += 1) {
    await target.send(count === 1 ? target.token : `${target.token}:${count}`)
    if (await target.isPresent()) return true
  }
  return false
}

/** As often is a block sent that the store refuses, before somebody asks which message it is. */
const MAX_REFUSALS = 3

/**
 * @param replay the range may have been sent by an earlier process.
 * @returns true when it is stored, false when the store refuses it and has none of it; rejects only when closing.
 */
export const insertRange = (target: RangeTarget, replay: boolean, retry: Retry): Promise<boolean> => {
  let refusals = 0
  return untilDone(async (attempt) => {
    try {
      if (target.shard !== null || (attempt === 1 && !replay)) {
        await target.send(target.token)
        return true
      }
      // More tokens with every attempt: each may have been used up by a crash, yet one attempt must not run through them all.
      if (await sendUntilPresent(target, SLOW_AFTER_TOKENS + attempt)) return true
    } catch (error) {
      if (!isRefusal(error)) throw error
      // An earlier process may have stored the range without what is refused now.
      if (await target.isPresent()) return true
      refusals += 1
      if (refusals < MAX_REFUSALS) throw error
      return false
    }
    throw new Error('acknowledged under every token, yet absent')
  }, retry)
}

/** For rows of our own making: there is no message to blame, so a refusal is waited out. */
export const insertUntilStored = async (target: RangeTarget, replay: boolean, retry: Retry): Promise<void> => {
  for (let isRetried = replay; !(await insertRange(target, isRetried, retry));) isRetried = true
}
