import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { autoStep, bucketsOf, mostGroups, parseStep, toRows } from '../../api/aggregation.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import { bearer, NOW, openHarness, type Asked, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(() => api.close())
const groups = [
  { by0: 'cart', by1: '', by2: '', hash: '7', records: '5', groups: '3', all: '12' },
  { by0: '', by1: '', by2: '', hash: '9', records: '1', groups: '3', all: '12' },
]
const row = (bucket: number, hash: string, records: number) => ({
  bucket: String(bucket),
  hash,
  records: String(records),
  quantiles: [1, 2, 3, 4.00000019, 5, null],
  low: 1,
  high: 9,
  mean: 3.3333333333,
  total: 10,
})
const answers: Record<string, (asked: Asked) => unknown[]> = {
  'logs.aggregate_groups': () => groups,
  'logs.aggregate': ({ params }) =>
    params.stepNs === '60000000000'
      ? [row(NOW / 60_000 - 1, '9', 1), row(NOW / 60_000 - 1, '7', 5), row(NOW / 60_000 - 1, '0', 6)]
      : [row(0, '7', 5), row(0, '0', 6), row(0, '9', 1)],
}
beforeEach(() => {
  api.asked.length = 0
  api.answer = (asked) => answers[asked.name]?.(asked) ?? []
})
const ask = async (query: string, name = 'owner') => await api.app.inject({ url: `/api/v1/logs/aggregate?${query}`, headers: bearer(name) })
const bodyOf = async (query: string) => (await ask(query)).json<Record<string, unknown>>()
const faultOf = async (query: string) => {
  const reply = await ask(query)
  expect(reply.statusCode, query).toBe(400)
  return reply.json<{ fields: { path: string; code: string; message: string; example?: string }[] }>().fields[0]
}

describe('an aggregate', () => {
  it('is columns and rows, the larger group first, the others last and told', async () => {
    expect(await bodyOf('by=service&metric=count&metric=p95&field=ms')).toEqual({
      columns: ['service', 'count', 'p95'],
      rows: [
        ['cart', 5, 4],
        [null, 1, 4],
        ['(other)', 6, 4],
      ],
      range: { from: new Date(NOW - 3_600_000).toISOString(), to: new Date(NOW).toISOString() },
      step: null,
      groups: { returned: 2, matched: 3, matchedAtLeast: false, other: '(other)' },
      truncated: true,
      truncatedReason: 'groups',
      tookMs: expect.any(Number),
    })
    expect(api.asked.map((one) => [one.name, one.params.tenant])).toEqual([
      ['logs.aggregate_groups', 'a'],
      ['logs.aggregate', 'a'],
    ])
  })

  it('by time has the start of the bucket, and a rate over what the range leaves of it', async () => {
    const body = await bodyOf('by=service&metric=rate&step=1m&from=now-30s')
    expect(body).toMatchObject({ columns: ['time', 'service', 'rate'], step: 60 })
    expect(body.rows).toEqual([
      ['2026-01-31T11:59:00Z', 'cart', Number((5 / 30).toPrecision(6))],
      ['2026-01-31T11:59:00Z', null, Number((1 / 30).toPrecision(6))],
      ['2026-01-31T11:59:00Z', '(other)', 0.2],
    ])
  })

  it('of counts for the whole range is read once: the others are the difference', async () => {
    expect((await bodyOf('by=service')).rows).toEqual([
      ['cart', 5],
      [null, 1],
      ['(other)', 6],
    ])
    expect(api.asked.map((one) => one.name)).toEqual(['logs.aggregate_groups'])
  })

  it('takes the parameters of the search, AND-ed, and fields of every spelling', async () => {
    await ask('filter=level%3Derror&service=cart&q=stock&by=level,host&by=attr.%22odd%20key%22')
    const { sql, params } = api.asked[0]
    expect(sql).toMatch(/ServiceName = \{service:String\}.*AND \(\(SeverityNumber >= /s)
    expect(Object.values(params).flat()).toEqual(expect.arrayContaining(['cart', 'stock', 17, 20, 'host.name', 'odd key']))
    expect((await bodyOf('by=level,host&by=attr.%22odd%20key%22')).columns).toEqual(['severity', 'host.name', 'attr."odd key"', 'count'])
  })

  it.each([
    ['metric=p95', 'field', 'required'],
    ['metric=p95&field=service', 'field', 'field'],
    ['metric=median', 'metric.0', 'invalid_literal'],
    ['by=a&by=b,c&by=d', 'by', 'maxItems'],
    ['by=body', 'by', 'field'],
    ['by=service&by=level,service', 'by', 'uniqueItems'],
    ['by=a%20b', 'by', 'filter_syntax'],
    ['step=0', 'step', 'pattern'],
    ['step=soon', 'step', 'pattern'],
    ['step=1&from=now-2h', 'step', 'minimum'],
    ['filter=a%20AND', 'filter', 'filter_syntax'],
    ['limit=101', 'limit', 'maximum'],
    ['metric=count&metric=count', 'metric', 'uniqueItems'],
  ])('%s is refused at %s', async (query, path, code) => {
    expect(await faultOf(query)).toMatchObject({ path, code, example: expect.stringMatching(/./) })
  })

  it('tells the smallest step that the range takes', async () => {
    const { example } = await faultOf('step=1&from=now-30d')
    expect(example).toBe('step=3600')
    expect((await ask(`from=now-30d&${example}`)).statusCode).toBe(200)
  })

  it('that is empty says why, and what was probably meant', async () => {
    api.answer = ({ name }) =>
      ({ 'logs.newest': [{ ns: `${NOW - 1000}000000` }], 'logs.newest_keys': [{ of_record: ['user.id'], of_resource: [] }] })[
        name as string
      ] ?? []
    expect(await bodyOf('filter=user.idd%3D1')).toMatchObject({
      rows: [],
      truncated: false,
      emptyReason: 'field_unknown',
      unknownFields: [{ field: 'user.idd', nearest: 'user.id' }],
      nearestDataAt: new Date(NOW - 1000).toISOString(),
    })
    expect(await bodyOf('filter=user.id%3D1')).toMatchObject({ emptyReason: 'no_match' })
    expect(await bodyOf('filter=NOT%20user.idd%3D1')).toMatchObject({ emptyReason: 'no_match' })
    api.answer = () => []
    const none = await bodyOf('')
    expect([none.emptyReason, 'nearestDataAt' in none]).toEqual(['no_data_in_range', false])
  })

  it('that is out of time is refused, and what is tried instead is told', async () => {
    api.answer = ({ name }) => {
      throw new TransientError(name === 'logs.aggregate' ? 'QUERY_TIMED_OUT' : 'STORE_UNAVAILABLE', 'too slow')
    }
    const reply = await ask('')
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'QUERY_TOO_LARGE', fields: [expect.objectContaining({ example: 'from=now-1h' })] }),
    ])
    expect((await ask('by=service')).statusCode).toBe(503)
    api.answer = ({ name }) => {
      if (name === 'logs.newest') throw new TransientError('QUERY_TIMED_OUT', 'too slow')
      return []
    }
    expect(await bodyOf('')).not.toHaveProperty('emptyReason')
  })

  it('needs logs:read', async () => {
    expect((await ask('', 'writer')).json()).toMatchObject({ code: 'PAT_SCOPE_INSUFFICIENT' })
  })
})

describe('the steps of time', () => {
  it('are nice ones, at most 60', () => {
    for (const [hours, step] of [
      [1, 120],
      [0.01, 1],
      [24, 1800],
      [720, 86_400],
      [0, 1],
    ])
      expect(autoStep({ fromMs: NOW - hours * 3_600_000, toMs: NOW })).toBe(step)
    const all = { fromMs: 0, toMs: Date.UTC(2200, 0, 1) }
    expect(bucketsOf(all, autoStep(all))).toBeLessThanOrEqual(60)
    expect(['5', '5m', '2h', '1d', '0', '', '-1', '1w', '1.5'].map(parseStep)).toEqual([5, 300, 7200, 86_400, null, null, null, null, null])
  })

  it('leave room for 10,000 cells, the others included', () => {
    for (const [columns, buckets] of [
      [3, 60],
      [8, 1440],
      [1, 1],
      [5, 1000],
    ])
      expect((mostGroups(columns, buckets) + 1) * buckets * columns <= 10_000 || mostGroups(columns, buckets) === 1).toBe(true)
    expect(toRows({ range: { fromMs: 0, toMs: 1 }, stepSeconds: null, by: [], metrics: ['count'] }, [], [])).toEqual([])
  })
})
