import { describe, expect, it } from 'vitest'
import { findLogs } from '../../clickhouse/queries/find-logs.ts'
import type { LogFilter, LogPosition, LogRow } from '../../clickhouse/queries/logs-search.ts'

const HOUR_NS = 3_600_000_000_000n
const filter: LogFilter = {
  tenant: 't',
  fromNs: 0n,
  toNs: 1000n * HOUR_NS,
  service: null,
  severityMin: 0,
  words: ['rare'],
  attributes: [],
  traceId: null,
}

/** A store that takes `msPerHour` for each hour of a slice and holds a row at each of `at`. */
const storeOf = (at: readonly bigint[], msPerHour: number) => {
  let clockMs = 0
  const slices: [bigint, bigint][] = []
  const isInOrder: boolean[] = []
  return {
    slices,
    isInOrder,
    now: () => clockMs,
    query: async <Row>({ sql }: { readonly sql: string }, params: Record<string, unknown>): Promise<Row[]> => {
      const [from, to] = [BigInt(params.fromNs as string), BigInt(params.toNs as string)]
      slices.push([from, to])
      isInOrder.push(!sql.includes('optimize_read_in_order = 0'))
      clockMs += Number((to - from) / HOUR_NS) * msPerHour
      const after = params.aNs === undefined ? null : BigInt(params.aNs as string)
      const found = at.filter((one) => one >= from && one <= to && (after === null || one < after)).sort((a, b) => Number(b - a))
      return found.slice(0, Number(params.limit)).map((one) => ({ timestamp_ns: String(one) }) as LogRow) as Row[]
    },
  }
}
const walk = async (store: ReturnType<typeof storeOf>, limit: number): Promise<{ found: string[]; pages: number }> => {
  const found: string[] = []
  let after: LogPosition | null = null
  for (let pages = 1; ; pages += 1) {
    const { rows, resumeAfter } = await findLogs(store, filter, limit, after, store.now)
    found.push(...rows.map((row) => row.timestamp_ns))
    if (resumeAfter === null && rows.length < limit) return { found, pages }
    after = resumeAfter ?? { timestampNs: rows[rows.length - 1].timestamp_ns, logId: '', partition: 0, offset: '0', index: 0 }
  }
}

describe('a search of a long range', () => {
  it('that is quick is one page, read in a few slices that meet without a gap', async () => {
    const store = storeOf([5n, 500n * HOUR_NS], 0.1)
    const { rows, resumeAfter } = await findLogs(store, filter, 10, null, store.now)
    expect([rows.length, resumeAfter]).toEqual([2, null])
    expect(store.slices.length).toBeLessThan(6)
    for (const [index, [, to]] of store.slices.entries()) expect(to).toBe(index === 0 ? filter.toNs : store.slices[index - 1][0] - 1n)
    expect(store.slices.at(-1)?.[0]).toBe(0n)
  })

  it('is read in order while its rows may be many, and all at once where an index has found few', async () => {
    const ask = async (at: readonly bigint[], asked: Partial<LogFilter>): Promise<boolean[]> => {
      const store = storeOf(at, 0.1)
      await findLogs(store, { ...filter, ...asked }, 10, null, store.now)
      return store.isInOrder
    }
    expect(await ask([5n, 999n * HOUR_NS], {})).toEqual([true, false, false])
    expect(await ask([5n], { words: [], service: 'shop' })).toEqual([true, true])
    expect(await ask([5n], { words: [], traceId: 'a' })).toEqual([false])
  })

  it('that is dear ends its page at the border of a slice, and no page takes long', async () => {
    const store = storeOf([5n], 10)
    const { rows, resumeAfter } = await findLogs(store, filter, 10, null, store.now)
    expect(rows).toEqual([])
    expect(BigInt(resumeAfter!.timestampNs)).toBe(store.slices.at(-1)![0])
    expect(store.now()).toBeLessThan(2 * 1500)
  })

  it('finds in its pages what there is, once each, in order, however dear it is', async () => {
    const at = Array.from({ length: 57 }, (_, n) => (BigInt(n * n) * HOUR_NS) / 4n + BigInt(n))
    for (const msPerHour of [0.01, 1, 20, 3000]) {
      const { found, pages } = await walk(storeOf(at, msPerHour), 10)
      expect(found).toEqual(at.toReversed().map(String))
      expect(pages).toBeGreaterThanOrEqual(6)
    }
  })
})
