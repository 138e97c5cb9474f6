// Patterns from bytes to the answer: decoded by real decoders, stored in a real ClickHouse, asked of the API.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDecoder } from '../../../analytics/decode/decode.ts'
import type { DecodeOutput } from '../../../analytics/decode-contract.ts'
import { PER_SERVICE } from '../../../analytics/series/template-memory.ts'
import { presenceOf } from '../../../analytics/insert-range.ts'
import { bearer, openHarness, type Harness } from '../../api/harness.ts'
import { nanos, rangeOf } from '../../analytics/decode/support.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { createRandom, templateLogs, type Labelled } from '../../support/template-logs.ts'
import { openTestStore, type TestStore } from './store.ts'

const HOUR = 3_600_000
const NOW = Math.floor(Date.now() / HOUR) * HOUR - 10 * HOUR + 1_830_500
interface Timed extends Labelled {
  readonly ms: number
}
const spread = (records: readonly Labelled[], fromMs: number, toMs: number): Timed[] =>
  records.map((record, i) => ({ ...record, ms: fromMs + Math.floor((i * (toMs - fromMs)) / records.length) }))
const bodyOf = (records: readonly Timed[]): Uint8Array =>
  encodeRequest({
    resourceLogs: [...Map.groupBy(records, ({ service }) => service)].map(([service, own]) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeLogs: [
        {
          logRecords: own.map(({ ms, severity, text }) => ({
            timeUnixNano: nanos(ms),
            severityNumber: severity,
            body: { stringValue: text },
          })),
        },
      ],
    })),
  })

let store: TestStore
let api: Harness
let offset = 0
beforeAll(async () => {
  store = await openTestStore()
  api = await openHarness()
  api.nowMs = NOW
  api.answer = ({ name, sql, params }) => store.clickhouse.query({ name, sql }, params)
})
afterAll(async () => {
  await api?.close()
  await store?.dispose()
})

const insert = async ({ templateCounts, templates }: DecodeOutput, token: string): Promise<void> => {
  await store.clickhouse.insertRows({ table: 'log_templates', rows: [...templates] })
  await store.clickhouse.insert({ table: 'log_template_counts', block: templateCounts!, token })
}
/** In ranges of 500 records, dealt out to the decoders. */
const take = async (tenant: string, records: readonly Timed[], decoders = [createDecoder()]): Promise<void> => {
  for (let i = 0; i < records.length; i += 500) {
    const some = records.slice(i, i + 500)
    const input = rangeOf([{ body: bodyOf(some), envelope: { tenant, receivedAtMs: NOW } }], { receiveDay: Math.floor(NOW / 86_400_000) })
    const at = offset++
    const output = decoders[(i / 500) % decoders.length]({
      ...input,
      messages: input.messages.map((message) => ({ ...message, offset: at })),
    })
    expect(output.poison).toEqual([])
    await insert(output, String(at))
  }
}
interface Pattern {
  id: string
  template: string
  severity: string
  count: number
  baselineCount: number
  change: { kind: string; ratio: number | null; sigma: number }
  new: boolean
  gone: boolean
  services: Record<string, number>
  levels: Record<string, number>
  firstSeen: string
  lastSeen: string
  variants: number
  share: number
  example: { message: string; link: string }
  link: string
}
interface Answer {
  patterns: Pattern[]
  matched: number
  total: number
  baselineTotal: number
  other: { count: number; baselineCount: number }
  range: { from: string; to: string }
  baseline: { from: string; to: string }
  emptyReason?: string
}
const ask = async (query: string, as = 'owner'): Promise<Answer> => {
  const reply = await api.app.inject({ url: `/api/v1/logs/patterns?limit=200&${query}`, headers: bearer(as) })
  expect(reply.statusCode, reply.body).toBe(200)
  return reply.json()
}
const fault = async (query: string) =>
  (await api.app.inject({ url: `/api/v1/logs/patterns?${query}`, headers: bearer('owner') })).json<{
    code: string
    fields?: { path: string; example?: string }[]
  }>()
const clear = async (): Promise<void> => {
  for (const table of ['log_templates', 'log_template_counts']) await store.clickhouse.command(`TRUNCATE TABLE ${table}`)
}
const countsOf = ({ patterns }: Answer) =>
  patterns
    .map(({ id, template, count, baselineCount, levels, services, variants }) => ({
      id,
      template,
      count,
      baselineCount,
      levels,
      services,
      variants,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

describe('patterns', () => {
  it('count every record once, whoever decoded it, and are the same in two workers as in one and in any order', async () => {
    await clear()
    const records = spread(templateLogs(6_000, 21), NOW - HOUR, NOW)
    await take('a', records)
    const one = await ask('')
    await clear()
    const random = createRandom(3)
    const shuffled = records
      .map((record) => ({ record, at: random(1_000_000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ record }) => record)
    await take('a', shuffled, [createDecoder(), createDecoder(), createDecoder()])
    const three = await ask('')
    expect(countsOf(three)).toEqual(countsOf(one))
    expect([one.total, one.other.count, one.patterns.reduce((sum, { count }) => sum + count, 0)]).toEqual([6_000, 0, 6_000])
    expect(one.patterns.length).toBe(new Set(records.map(({ template }) => template)).size)
    for (const { service, severity } of [
      { service: 'gateway', severity: 'warn' },
      { service: 'store', severity: 'error' },
    ]) {
      const least = severity === 'warn' ? 13 : 17
      expect((await ask(`service=${service}&severity_min=${severity}`)).total).toBe(
        records.filter((record) => record.service === service && record.severity >= least).length,
      )
    }
  })

  it('sent twice under one token count once, and are found by position', async () => {
    await clear()
    const input = rangeOf([{ body: bodyOf(spread(templateLogs(100, 5), NOW - HOUR, NOW)), envelope: { tenant: 'a', receivedAtMs: NOW } }], {
      receiveDay: Math.floor(NOW / 86_400_000),
    })
    for (let i = 0; i < 2; i++) await insert(createDecoder()(input), 'twice')
    expect((await ask('')).total).toBe(100)
    const here = { ...input, first: 100, last: 100, records: 100, cost: 0 }
    expect([
      await presenceOf(store.clickhouse, 'log_template_counts', input.logId, here, null)(),
      await presenceOf(store.clickhouse, 'log_template_counts', input.logId, { ...here, first: 101, last: 101 }, null)(),
    ]).toEqual([true, false])
  })

  it('tell what is new, what came back, what grew, what shrank and what is gone, by rate', async () => {
    await clear()
    const text = (service: string, texts: readonly string[], severity = 9): Labelled[] =>
      texts.map((one) => ({ service, severity, template: 0, text: one }))
    const times = (n: number, make: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => make(i))
    await take('a', [
      ...spread(
        text(
          'shop',
          times(3, (i) => `came before ${i}`),
        ),
        NOW - 9 * HOUR,
        NOW - 8 * HOUR,
      ),
      ...spread(
        [
          ...text(
            'shop',
            times(200, (i) => `steady ${i}`),
          ),
          ...text(
            'shop',
            times(40, (i) => `growing ${i}`),
          ),
          ...text(
            'shop',
            times(300, (i) => `shrinking ${i}`),
          ),
          ...text(
            'shop',
            times(9, (i) => `ending ${i}`),
          ),
        ],
        NOW - 2 * HOUR - 1_800_000,
        NOW - HOUR,
      ),
      ...spread(
        [
          ...text(
            'shop',
            times(120, (i) => `steady ${i}`),
          ),
          ...text(
            'shop',
            times(400, (i) => `growing ${i}`),
          ),
          ...text(
            'shop',
            times(30, (i) => `shrinking ${i}`),
          ),
          ...text(
            'shop',
            times(2, (i) => `came before ${i}`),
          ),
          ...text(
            'shop',
            times(7, (i) => `never seen ${i}`),
            17,
          ),
        ],
        NOW - HOUR + 60_000,
        NOW,
      ),
    ])
    const answer = await ask(
      `from=${new Date(NOW - HOUR + 60_000).toISOString()}&baseline_from=${new Date(NOW - 2 * HOUR - 1_800_000).toISOString()}&baseline_to=${new Date(NOW - HOUR).toISOString()}`,
    )
    const of = (template: string) => answer.patterns.find((one) => one.template === template)!
    expect(Object.fromEntries(answer.patterns.map(({ template, change }) => [template, change.kind]))).toEqual({
      'steady <num>': 'same',
      'growing <num>': 'more',
      'shrinking <num>': 'less',
      'ending <num>': 'gone',
      'came before <num>': 'back',
      'never seen <num>': 'new',
    })
    expect(of('never seen <num>')).toMatchObject({
      new: true,
      gone: false,
      count: 7,
      baselineCount: 0,
      severity: 'error',
      levels: { error: 7 },
      services: { shop: 7 },
      change: { ratio: null },
    })
    expect(of('ending <num>')).toMatchObject({ new: false, gone: true, count: 0, baselineCount: 9 })
    // 400 in an hour after 40 in one and a half.
    expect(of('growing <num>').change.ratio).toBeGreaterThan(14)
    expect(of('growing <num>').change.ratio).toBeLessThan(16)
    expect(Math.abs(of('steady <num>').change.sigma)).toBeLessThan(2)
    expect(answer.patterns[0].template === 'growing <num>' || answer.patterns[0].new).toBe(true)
    expect((await ask('sort=count')).patterns[0].template).toBe('growing <num>')
    expect(of('never seen <num>').link).toContain('q=never+seen')
    expect(Date.parse(of('came before <num>').firstSeen)).toBeLessThan(NOW - 8 * HOUR)
  })

  it('have the levels and the last time of the range, of one that is gone those of the baseline', async () => {
    await clear()
    const at = (minutes: number, severity: number, text: string): Timed => ({
      service: 'shop',
      severity,
      template: 0,
      text,
      ms: NOW - HOUR + minutes * 60_000,
    })
    const names = ['anna', 'bob', 'carol', 'dora', 'emil', 'fritz', 'gerda', 'hugo']
    await take('a', [
      ...names.map((name, i) => at(-30 - i, 9, `order 1 placed by customer ${name}`)),
      at(-20, 17, 'worker 1 stopped'),
      ...names.slice(0, 2).map((name) => at(5, 13, `order 1 placed by customer ${name}`)),
      ...names.map((name) => at(40, 9, `order 1 placed by customer ${name}`)),
    ])
    const iso = (minutes: number): string => new Date(Math.floor((NOW - HOUR) / 60_000) * 60_000 + minutes * 60_000).toISOString()
    const { patterns } = await ask(`from=${iso(0)}&to=${iso(10)}&baseline_from=${iso(-60)}&baseline_to=${iso(0)}`)
    expect(Object.fromEntries(patterns.map(({ template, levels, lastSeen }) => [template, { levels, lastSeen }]))).toEqual({
      'order <num> placed by customer <*>': { levels: { warn: 2 }, lastSeen: iso(5) },
      'worker <num> stopped': { levels: { error: 1 }, lastSeen: expect.stringContaining(iso(-20).slice(0, 16)) },
    })
  })

  it('have one id while words of them begin to vary, and are found by the ids that they had', async () => {
    await clear()
    const login = (name: string): Timed => ({ service: 'auth', severity: 9, template: 0, text: `user ${name} logged in`, ms: NOW - 60_000 })
    await take('a', ['anna', 'bob', 'carol'].map(login))
    const [{ id: old }] = (await ask('')).patterns
    await take('a', ['dora', 'emil'].map(login))
    const { patterns } = await ask('')
    expect(patterns).toMatchObject([{ template: 'user <*> logged in', count: 5, variants: 5 }])
    await take('a', ['fritz', 'gerda', 'hugo'].map(login))
    expect((await ask('')).patterns).toMatchObject([{ id: patterns[0].id, count: 8 }])
    expect((await ask(`id=${old}`)).patterns).toMatchObject([{ id: patterns[0].id }])
    expect((await ask('id=ptn-0000000000000000')).patterns).toEqual([])
  })

  it('of a service whose messages never repeat are bounded, and what is beyond is told', async () => {
    await clear()
    const random = createRandom(8)
    const word = () => Array.from({ length: 7 }, () => 'ghijklmnopqrstuvwxyz'[random(20)]).join('')
    const hostile = spread(
      Array.from({ length: 20_000 }, (_, i) => ({
        service: 'noise',
        severity: 9,
        template: 0,
        text: i % 100 === 0 ? `well known ${i}` : Array.from({ length: 3 + random(6) }, word).join(' '),
      })),
      NOW - HOUR,
      NOW,
    )
    await take('a', [
      ...hostile,
      { service: 'noise', severity: 9, template: 0, text: '注'.repeat(21_845), ms: NOW - 1000 },
      {
        service: 'noise',
        severity: 17,
        template: 0,
        text: `{"level":"error","msg":"not written","rows":[${'1,'.repeat(20_000)}1]}`,
        ms: NOW - 1000,
      },
    ])
    const [{ rows, bytes }] = await store.clickhouse.query<{ rows: string; bytes: string }>(
      {
        name: 'test.rows',
        sql: "SELECT count() AS rows, sum(length(text) + length(example)) AS bytes FROM log_templates WHERE tenant = 'a'",
      },
      {},
    )
    expect(Number(rows)).toBeLessThanOrEqual(PER_SERVICE)
    expect(Number(bytes)).toBeLessThan(2 * 1024 * PER_SERVICE)
    const answer = await ask('sort=count')
    expect(answer.total).toBe(20_002)
    // Those that are not shown occurred once each.
    expect(answer.patterns.reduce((sum, { count }) => sum + count, answer.other.count) + answer.matched - answer.patterns.length).toBe(
      20_002,
    )
    expect(answer.patterns[0]).toMatchObject({ template: 'well known <num>', count: 200 })
  })

  it('belong to their tenant, and an empty answer says why', async () => {
    await clear()
    await take('b', spread(templateLogs(50, 2), NOW - HOUR, NOW))
    expect((await ask('', 'other')).total).toBe(50)
    expect(await ask('')).toMatchObject({ patterns: [], total: 0, baselineTotal: 0, emptyReason: 'no_data_in_range' })
  })

  it.each([
    ['baseline_from=now-30m', 'BAD_TIME_RANGE', 'baseline_from'],
    ['baseline_to=now-30m', 'BAD_TIME_RANGE', 'baseline_to'],
    ['baseline_to=then', 'BAD_TIME_RANGE', 'baseline_to'],
    ['id=x', 'VALIDATION_FAILED', 'id'],
    ['sort=size', 'VALIDATION_FAILED', 'sort'],
    ['severity_min=loud', 'VALIDATION_FAILED', 'severity_min'],
    ['from=soon', 'BAD_TIME_RANGE', 'from'],
  ])('asked for with %s are refused with %s at %s', async (query, code, path) => {
    expect(await fault(query)).toMatchObject({ code, fields: [{ path }] })
  })
})
