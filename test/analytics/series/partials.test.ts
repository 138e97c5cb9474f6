// Partials of a decoded range: what is counted where, the bounds, and a recount of the stored rows in plain JavaScript.
import { describe, expect, it } from 'vitest'
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import { bucketOf, MAX_SERVICES } from '../../../analytics/series/partials.ts'
import { isMeasured } from '../../../analytics/series/measured.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import type { TestRecord, TestValue } from '../../support/otlp-encode.ts'
import { nanos, NOW_MS, partialsOf, rangeOf, rowsOf } from '../decode/support.ts'
import type { LogRow, PartialRow, TestMessage } from '../decode/support.ts'

const logs = (service: string, logRecords: TestRecord[]) => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeLogs: [{ logRecords }],
})
const decode = (...messages: TestMessage[]) => decodeBatch(rangeOf(messages))
const metricsOf = (row: PartialRow): Record<string, number[]> =>
  Object.fromEntries(
    row.metric
      .map((name, i) => [name, [Number(row.count[i]), row.sum[i], row.min[i], row.max[i], row.sum_sq[i]]] as const)
      .filter(([name]) => !name.startsWith('log.template.'))
      .map(([name, values]) => [name, [...values]]),
  )

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
/** Per tenant, service and bucket: the observations of each metric, by the stored rows alone. */
const recount = (rows: readonly LogRow[]): Record<string, Record<string, number[]>> => {
  const found: Record<string, Record<string, number[]>> = {}
  for (const row of rows) {
    const metrics = (found[`${row.tenant}/${row.ServiceName}/${(row.Timestamp / 10_000_000_000n) * 10n}`] ??= {})
    const add = (name: string, value: number) => (metrics[name] ??= []).push(value)
    add('log.rate', 1)
    if (row.SeverityNumber >= 17) add('log.error_rate', 1)
    if (row.SeverityNumber >= 1 && row.SeverityNumber <= 24) add(`log.severity.${LEVELS[Math.floor((row.SeverityNumber - 1) / 4)]}`, 1)
    for (const [key, text] of Object.entries(row.LogAttributes)) {
      if (isMeasured(key) && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) && Number.isFinite(Number(text)))
        add(`attr.${key}`, Number(text))
    }
  }
  return found
}
const summed = (values: readonly number[]): number[] => [
  values.length,
  values.reduce((sum, value) => sum + value, 0),
  Math.min(...values),
  Math.max(...values),
  values.reduce((sum, value) => sum + value * value, 0),
]

describe('partials', () => {
  it('equal a recount of the stored rows, over tenants, services, buckets, severities and every kind of number', () => {
    const values: TestValue[] = [
      { intValue: 12n },
      { intValue: -3n },
      { intValue: 9_007_199_254_740_993n },
      { doubleValue: 0.25 },
      { doubleValue: 1e-9 },
      { doubleValue: Number.NaN },
      { doubleValue: -0 },
      { stringValue: '17' },
      { stringValue: '1.5e3' },
      { stringValue: '12 ms' },
      { stringValue: '' },
      { stringValue: '+.5' },
      { boolValue: true },
      {},
      { arrayValue: { values: [] } },
      { stringValue: '1e999' },
    ]
    const records = (offset: number): TestRecord[] =>
      Array.from({ length: 200 }, (_, i) => ({
        timeUnixNano: nanos(NOW_MS - (i % 7) * 9_999) - BigInt(offset),
        severityNumber: i % 26,
        body: { stringValue: `did ${i} things` },
        attributes: [
          { key: 'duration_ms', value: values[i % values.length] },
          { key: 'user.id', value: { intValue: 5n } },
          { key: 'http.response.size', value: values[(i * 5 + 1) % values.length] },
          ...(i % 9 === 0 ? [{ key: 'duration_ms', value: values[(i + 1) % values.length] }] : []),
        ],
      }))
    const body = encodeRequest(
      { resourceLogs: [logs('a', records(0)), logs('b', records(1)), logs('a', records(2))] },
      { order: 'collector' },
    )
    const output = decode({ body }, { body, envelope: { tenant: 'acme' } }, { body, envelope: { rejected: [3, 4, 250] } })
    const rows = rowsOf(output)
    const partials = partialsOf(output)
    expect(output).toMatchObject({ poison: [], logRows: 1797, partialRows: partials.length })
    const expected = Object.fromEntries(
      Object.entries(recount(rows)).map(([key, metrics]) => [
        key,
        Object.fromEntries(Object.entries(metrics).map(([name, list]) => [name, summed(list)])),
      ]),
    )
    expect(Object.fromEntries(partials.map((row) => [`${row.tenant}/${row.service}/${row.bucket}`, metricsOf(row)]))).toEqual(expected)
    expect(new Set(partials.map((row) => `${row.log_offset}-${row.last_offset}`))).toEqual(new Set(['100-102']))
  })

  it('count by the stored time: one that is not believed falls into the bucket of receipt', () => {
    const body = encodeRequest({ resourceLogs: [logs('a', [{ timeUnixNano: 1n }, {}])] })
    expect(partialsOf(decode({ body })).map((row) => [row.bucket, metricsOf(row)['log.rate'][0]])).toEqual([
      [Math.floor(NOW_MS / 10_000) * 10, 2],
    ])
  })

  it('put every nanosecond of a bucket into it, its first and last ones too', () => {
    for (const bucket of [0n, 1n, 177_555_600n, 177_555_601n, 429_496_728n]) {
      for (const ns of [bucket * 10_000_000_000n, bucket * 10_000_000_000n + 1n, bucket * 10_000_000_000n + 9_999_999_999n]) {
        expect(bucketOf(Number(ns & 0xffffffffn), Number(ns >> 32n)), String(ns)).toBe(Number(bucket))
      }
    }
  })

  it('hold the first 2,000 services of each tenant, the rest as `other`', () => {
    const body = encodeRequest({
      resourceLogs: Array.from({ length: MAX_SERVICES + 50 }, (_, i) => logs(`s${i}`, [{ timeUnixNano: nanos(NOW_MS) }])),
    })
    const partials = partialsOf(decode({ body }, { body, envelope: { tenant: 'acme' } }))
    for (const tenant of ['default', 'acme']) {
      const own = partials.filter((row) => row.tenant === tenant)
      expect(own).toHaveLength(MAX_SERVICES + 1)
      expect(own.map((row) => row.service).slice(-2)).toEqual(['s1999', 'other'])
      expect(metricsOf(own[MAX_SERVICES])['log.rate'][0]).toBe(50)
    }
  })

  it('count warnings and errors by template, the most frequent twenty', () => {
    const records = Array.from({ length: 25 }, (_, i) =>
      Array.from({ length: 30 - i }, () => ({
        timeUnixNano: nanos(NOW_MS),
        severityNumber: i % 2 === 0 ? 13 : 17,
        body: { stringValue: `trouble ${'ghijklmnopqrstuvwxyz'[i % 20].repeat(3 + i)} ${i}` },
      })),
    ).flat()
    const calm = Array.from({ length: 50 }, () => ({
      timeUnixNano: nanos(NOW_MS),
      severityNumber: 9,
      body: { stringValue: 'all is well' },
    }))
    const [row] = partialsOf(decode({ body: encodeRequest({ resourceLogs: [logs('a', [...calm, ...records])] }) }))
    const rates = row.metric.map((name, i) => [name, Number(row.count[i])] as const).filter(([name]) => name.startsWith('log.template.'))
    expect(rates.map(([, count]) => count)).toEqual(Array.from({ length: 20 }, (_, i) => 30 - i))
    expect(
      rates.every(([name]) => /^log\.template\.[0-9a-f]{16}$/.test(name) && row.templates.includes(BigInt(`0x${name.slice(13)}`))),
    ).toBe(true)
  })

  it('name at most 64 templates and then 0 once', () => {
    const name = (i: number): string =>
      String.fromCharCode(103 + (i % 20)).repeat(3) + String.fromCharCode(103 + Math.floor(i / 20)).repeat(4)
    const body = encodeRequest({
      resourceLogs: [
        logs(
          'a',
          Array.from({ length: 90 }, (_, i) => ({ timeUnixNano: nanos(NOW_MS), body: { stringValue: `event ${name(i)}` } })),
        ),
      ],
    })
    const [{ templates }] = partialsOf(decode({ body }, { body }))
    expect(templates).toHaveLength(65)
    expect(new Set(templates).size).toBe(65)
    expect(templates[64]).toBe(0n)
  })
})

describe('a template', () => {
  const templateOf = (text: string): bigint =>
    partialsOf(
      decode({ body: encodeRequest({ resourceLogs: [logs('a', [{ timeUnixNano: nanos(NOW_MS), body: { stringValue: text } }])] }) }),
    )[0].templates[0]

  it.each([
    ['took 12 ms', 'took 980 ms'],
    ['worker7 of pool12', 'worker31 of pool4'],
    ['order "abc def" failed', 'order "x" failed'],
    ["user 'anna' left", "user 'bob' left"],
    ['id 6f1c2d3e-aaaa-bbbb-cccc-1234567890ab', 'id cafebabe-0b1c-4d2e-dead-beefdeadbeef'],
    ['at 0xdeadZ', 'at 0x12Q'],
    ['commit deadbeefcafe', 'commit 0a1b2c3d4e5f'],
    ['ip 10.0.0.1', 'ip 192.168.17.4'],
  ])('is the same for %j and %j', (a, b) => expect(templateOf(a)).toBe(templateOf(b)))

  it.each([
    ['took 12 ms', 'took 12 s'],
    ["don't stop", "don't start"],
    ['bad face', 'bad cafe'],
    ['a b', 'b a'],
    ['payment failed', 'payment failed '],
    ['', ' '],
    ['grüße', 'grüsse'],
  ])('differs for %j and %j', (a, b) => expect(templateOf(a)).not.toBe(templateOf(b)))

  it('keeps its stored value', () => {
    expect(templateOf('request 17 took 3 ms for "x"')).toMatchInlineSnapshot(`11647263161242007405n`)
  })
})

describe('measured attributes', () => {
  it.each([
    'duration',
    'http.server.request.duration',
    'duration_ms',
    'latency',
    'db_latency',
    'latency_ms',
    'elapsed_ms',
    'gc_seconds',
    'body.size',
    'sent_bytes',
    'bytes',
    'size',
    'responseBytes',
    'bodySize',
  ])('include %s', (name) => expect(isMeasured(name)).toBe(true))
  it.each(['user.id', 'http.status_code', 'resize', 'synthesize', 'megabytes_text', 'durations', 'seconds_name', 'attempt.index', ''])(
    'leave %s out',
    (name) => expect(isMeasured(name)).toBe(false),
  )
})
