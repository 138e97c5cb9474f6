import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClickHouse } from '../../../clickhouse/client.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import { storeStats } from '../../../clickhouse/queries/store.ts'
import { openTestStore, type TestStore } from './store.ts'

const DAY = Math.floor(Date.now() / 86_400_000)
const varint = (value: number): Buffer =>
  value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value % 128) + 128]), varint(Math.floor(value / 128))])
/** A Native block by hand: (tenant, Body, receive_day, log_offset); texts below 128 bytes. */
const blockOf = (rows: readonly (readonly [tenant: string, body: string, offset: number])[]): Uint8Array => {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)])
  const column = (name: string, type: string, data: Buffer[]): Buffer => Buffer.concat([text(name), text(type), ...data])
  const u64 = (value: number): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return bytes
  }
  const day = Buffer.alloc(2)
  day.writeUInt16LE(DAY)
  return Buffer.concat([
    Buffer.from([4]),
    varint(rows.length),
    column(
      'tenant',
      'String',
      rows.map(([tenant]) => text(tenant)),
    ),
    column(
      'Body',
      'String',
      rows.map(([, body]) => text(body)),
    ),
    column(
      'receive_day',
      'Date',
      rows.map(() => day),
    ),
    column(
      'log_offset',
      'UInt64',
      rows.map(([, , offset]) => u64(offset)),
    ),
  ])
}
const stored = { name: 'stored', sql: 'SELECT tenant, Body, toString(log_offset) AS log_offset FROM otel_logs ORDER BY log_offset' }

describe('the client', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openTestStore()
  })
  afterAll(() => store.dispose())
  beforeEach(() => store.clickhouse.command('TRUNCATE TABLE otel_logs'))
  const block = blockOf([
    ['a', 'first', 1],
    ['b', 'zweite Zeile ä', 2],
  ])
  const both = [
    { tenant: 'a', Body: 'first', log_offset: '1' },
    { tenant: 'b', Body: 'zweite Zeile ä', log_offset: '2' },
  ]

  it('stores a Native block, whole or in pieces, byte for byte', async () => {
    await store.clickhouse.insert({ table: 'otel_logs', block, token: 'log:0:1-2' })
    expect(await store.clickhouse.query(stored, {})).toEqual(both)
    await store.clickhouse.command('TRUNCATE TABLE otel_logs')
    await store.clickhouse.insert({
      table: 'otel_logs',
      block: [block.subarray(0, 9), block.subarray(9, 40), block.subarray(40)],
      token: 'log:0:1-2 in pieces',
    })
    expect(await store.clickhouse.query(stored, {})).toEqual(both)
  })

  it('stores one token once, another one again', async () => {
    for (const token of ['log:0:5-6', 'log:0:5-6', 'log:0:5-6']) await store.clickhouse.insert({ table: 'otel_logs', block, token })
    expect(await store.clickhouse.query(stored, {})).toHaveLength(2)
    await store.clickhouse.insert({ table: 'otel_logs', block, token: 'log:0:5-6:2' })
    expect(await store.clickhouse.query(stored, {})).toHaveLength(4)
  })

  it('remembers a token through kill -9 of the child', async () => {
    await store.clickhouse.insert({ table: 'otel_logs', block, token: 'log:0:8-9' })
    const pid = store.local.pid()!
    process.kill(pid, 'SIGKILL')
    for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
      const sent = await store.clickhouse.insert({ table: 'otel_logs', block, token: 'log:0:8-9' }).then(
        () => true,
        (error: { code?: string }) => {
          expect(error.code).toBe('STORE_UNAVAILABLE')
          return false
        },
      )
      if (sent) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(await store.clickhouse.query(stored, {})).toEqual(both)
  })

  it('ends a query at its time-out: overloaded while the store answers, unavailable when it does not', async () => {
    const slow = { name: 'slow', sql: 'SELECT sleepEachRow(0.1) FROM numbers(300) SETTINGS max_block_size = 1' }
    const begun = performance.now()
    await expect(store.clickhouse.query(slow, {}, { timeoutMs: 500 })).rejects.toMatchObject({
      name: 'TransientError',
      code: 'QUERY_TIMED_OUT',
    })
    const pid = store.local.pid()!
    process.kill(pid, 'SIGSTOP')
    try {
      await expect(store.clickhouse.query(stored, {}, { timeoutMs: 500 })).rejects.toMatchObject({
        name: 'TransientError',
        code: 'STORE_UNAVAILABLE',
      })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  it('makes one part of one block, beyond the size at which inserts are split by default', async () => {
    const large = blockOf(Array.from({ length: 150_000 }, (_, row) => ['a', 'x', row] as const))
    const half = Math.floor(large.length / 2)
    await store.clickhouse.insert({ table: 'otel_logs', block: [large.subarray(0, half), large.subarray(half)], token: 'log:0:20-21' })
    expect(
      await store.clickhouse.query(
        {
          name: 'parts',
          sql: "SELECT toString(p.rows) AS rows FROM system.parts AS p WHERE table = 'otel_logs' AND active AND p.rows > 0",
        },
        {},
      ),
    ).toEqual([{ rows: '150000' }])
  })

  it('calls what the store refuses permanent and what it cannot reach transient', async () => {
    await expect(store.clickhouse.insert({ table: 'otel_logs', block: block.subarray(0, 20), token: 'torn' })).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'STORE_REJECTED',
    })
    await expect(store.clickhouse.insert({ table: 'no_such_table', block, token: 'x' })).rejects.toMatchObject({
      name: 'TransientError',
      code: 'STORE_UNAVAILABLE',
    })
    await expect(store.clickhouse.query({ name: 'wrong', sql: 'SELEC 1' }, {})).rejects.toMatchObject({ code: 'STORE_REJECTED' })
    const nobody = createClickHouse({ url: 'http://127.0.0.1:9', user: 'app', password: '', database: 'lapwing' })
    await expect(nobody.insert({ table: 'otel_logs', block, token: 'x' })).rejects.toMatchObject({
      name: 'TransientError',
      code: 'STORE_UNAVAILABLE',
    })
    expect(await nobody.ping()).toBe(false)
    await nobody.close()
    expect(await store.clickhouse.query(stored, {})).toEqual([])
  })

  it('takes parameters as values, whatever they hold', async () => {
    const text = `'; DROP TABLE otel_logs; -- \\ {x:String} \t\n"ä`
    expect(await store.clickhouse.query({ name: 'echo', sql: 'SELECT {text:String} AS text' }, { text })).toEqual([{ text }])
  })

  it('runs migrations once, and says what is stored', async () => {
    expect(await migrate(store.clickhouse)).toBe(0)
    await store.clickhouse.insert({ table: 'otel_logs', block, token: 'log:0:30-31' })
    const [stats] = await store.clickhouse.query(storeStats, {})
    expect(stats).toMatchObject({ rows: '2', oldest_day: new Date(DAY * 86_400_000).toISOString().slice(0, 10) })
    expect(Number(stats.bytes)).toBeGreaterThan(0)
  })
})
