// Partials of a range: what is counted again from its rows must give the same figures.
import { describe, expect, it } from 'vitest'
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import type { TestRecord, TestRequest } from '../../support/otlp-encode.ts'
import { readNativeRows } from '../../support/native-read.ts'
import { RECEIVED_NS, rowsOf, toInput, toMessage } from '../decode/request.ts'

const BUCKET_NS = 10_000_000_000n
const START = (RECEIVED_NS / BUCKET_NS - 1n) * BUCKET_NS

const of = (service: string, logRecords: readonly TestRecord[]) =>
  ({ resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] }, scopeLogs: [{ logRecords }] })
const decode = (...requests: TestRequest[]) => decodeBatch(toInput(requests.map((request, i) => toMessage(encodeRequest(request), {}, 20 + i))))
const partialsOf = (...requests: TestRequest[]) => readNativeRows(decode(...requests).partials as Uint8Array).map((row) => {
  const list = (name: string): unknown[] => row[name] as unknown[]
  return {
    tenant: row.tenant, service: row.service, bucket: row.bucket as number, from: row.log_offset, to: row.last_offset, templates: list('templates') as bigint[],
    metrics: Object.fromEntries(list('metric').map((name, i) => [name, { count: Number(list('count')[i]), sum: list('sum')[i], min: list('min')[i], max: list('max')[i], sumSq: list('sum_sq')[i] }])),
  }
})
const templatesOf = (...bodies: string[]): bigint[] => partialsOf({ resourceLogs: [of('s', bodies.map((text) => ({ body: { stringValue: text } })))] })[0].templates

describe('partials', () => {
  it('are one row per service and ten seconds, exact at the edges, over all messages of the range', () => {
    const at = (time: bigint): TestRecord => ({ timeUnixNano: time })
    const rows = partialsOf({ resourceLogs: [of('a', [at(START), at(START - 1n), at(START + BUCKET_NS - 1n)]), of('b', [at(START)])] }, { resourceLogs: [of('a', [at(START + 1n)])] })
    const seconds = Number(START / 1_000_000_000n)
    expect(rows.map((row) => [row.service, row.bucket, row.metrics['log.rate'].count, row.from, row.to])).toEqual([
      ['a', seconds, 3, 20n, 21n], ['a', seconds - 10, 1, 20n, 21n], ['b', seconds, 1, 20n, 21n],
    ])
  })

  it('count errors and severities, leaving out those without records', () => {
    const one = (count: number) => ({ count, sum: count, min: 1, max: 1, sumSq: count })
    const [quiet] = partialsOf({ resourceLogs: [of('a', [{ severityNumber: 9 }, {}])] })
    expect(quiet.metrics).toEqual({ 'log.rate': one(2), 'log.severity.info': one(1) })
    const [loud] = partialsOf({ resourceLogs: [of('a', [1, 4, 5, 13, 16, 17, 20, 21, 24, 25].map((severityNumber) => ({ severityNumber })))] })
    expect(loud.metrics).toEqual({
      'log.rate': one(10), 'log.error_rate': one(5), 'log.severity.trace': one(2), 'log.severity.debug': one(1), 'log.severity.warn': one(2),
      'log.severity.error': one(2), 'log.severity.fatal': one(2),
    })
  })

  it('measure durations and sizes as they are stored', () => {
    const values = [3n, 250n, 7n]
    const request = {
      resourceLogs: [of('a', [
        ...values.map((intValue) => ({ attributes: [{ key: 'user', value: { intValue: 5n } }, { key: 'duration_ms', value: { intValue } }] })),
        { attributes: [{ key: 'response.size', value: { doubleValue: 0.5 } }, { key: 'duration_ms', value: { stringValue: 'slow' } }] },
        { attributes: [{ key: 'gc_seconds', value: { doubleValue: -1.5e-7 } }, { key: 'heap_bytes', value: { intValue: 9_007_199_254_740_993n } }] },
      ])],
    }
    const [{ metrics }] = partialsOf(request)
    expect(metrics).toMatchObject({
      'attr.duration_ms': { count: 3, sum: 260, min: 3, max: 250, sumSq: 9 + 62_500 + 49 }, 'attr.response.size': { count: 1, sum: 0.5 },
      'attr.gc_seconds': { sum: -1.5e-7 }, 'attr.heap_bytes': { sum: 9_007_199_254_740_992 },
    })
    expect(Object.keys(metrics).filter((name) => name.startsWith('attr.'))).toHaveLength(4)
    const recounted = rowsOf(decode(request)).map((row) => Number((row.LogAttributes as Record<string, string>).duration_ms)).filter(Number.isFinite)
    expect(recounted.reduce((sum, value) => sum + value, 0)).toBe(metrics['attr.duration_ms'].sum)
  })

  it('put services beyond 2,000 of a tenant together', () => {
    const rows = partialsOf({ resourceLogs: Array.from({ length: 2050 }, (_, i) => of(`s-${i}`, [{}])) })
    expect(rows).toHaveLength(2001)
    expect(rows.find((row) => row.service === 'other')?.metrics['log.rate'].count).toBe(50)
  })
})

describe('templates', () => {
  it('are the same when only numbers, hex, ids and quoted text differ', () => {
    expect(templatesOf('order 17 took 3 ms', 'order 8123 took 20 ms')).toHaveLength(1)
    expect(templatesOf('user 3fa85f64-5717-4562-b3fc-2c963f66afa6 in', 'user abcdefab-cdef-abcd-efab-cdefabcdefab in')).toHaveLength(1)
    expect(templatesOf('open "a b" now', 'open "c" now')).toHaveLength(1)
    expect(templatesOf('commit deadbeef01', 'commit 0123456789abcdef', 'commit feedfacedead')).toHaveLength(1)
    expect(templatesOf('at 0xDEAD', 'at 0x1')).toHaveLength(1)
  })

  it('differ when words do', () => {
    expect(templatesOf('order shipped', 'order failed', "can't open it", "can't close it", '')).toHaveLength(5)
  })

  it('are at most 64 of a row, then 0, and never 0 otherwise', () => {
    const words = Array.from({ length: 100 }, (_, i) => `word ${String.fromCharCode(103 + (i % 20))}${String.fromCharCode(103 + Math.floor(i / 20))} end`)
    const templates = templatesOf(...words, ...words)
    expect(templates).toHaveLength(65)
    expect(templates.indexOf(0n)).toBe(64)
    expect(new Set(templates).size).toBe(65)
    expect(templatesOf(...words.slice(0, 64))).not.toContain(0n)
  })
})
