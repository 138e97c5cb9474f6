// Wire bytes to stored rows: order of fields, every value, last wins, times, rejected records, poison.
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createDecoder, decodeBatch } from '../../../analytics/decode/decode.ts'
import { bytesField, encodeRequest } from '../../support/otlp-encode.ts'
import type { TestRecord, TestRequest } from '../../support/otlp-encode.ts'
import { AHEAD_MS, RECEIVED_NS, RETENTION_MS, decodeOne, request, rowsOf, stored, toInput, toMessage } from './request.ts'

const oneRecord = (record: TestRecord): TestRequest => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })
const rowOf = (record: TestRecord) => rowsOf(decodeOne(encodeRequest(oneRecord(record))))[0]

describe('protobuf', () => {
  it('gives the same rows whatever the order of fields, with unknown fields in between', () => {
    expect(rowsOf(decodeOne(encodeRequest(request)))).toEqual(stored)
    for (const order of ['spec', 'collector', 'shuffled'] as const) {
      for (let seed = 1; seed <= (order === 'shuffled' ? 25 : 1); seed++) {
        expect(rowsOf(decodeOne(encodeRequest(request, { order, seed, unknownFields: true }))), `${order} ${seed}`).toEqual(stored)
      }
    }
  })

  it('takes the last of a repeated field and of a repeated key', () => {
    const row = rowOf({
      timeUnixNano: [1n, RECEIVED_NS],
      severityNumber: [1, 13],
      severityText: ['a', 'WARN'],
      body: [{ stringValue: 'first' }, { stringValue: 'second' }],
      traceId: [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)],
      eventName: ['a', 'b'],
      attributes: [
        { key: 'k', value: { stringValue: 'long first value' } },
        { key: 'other', value: { intValue: 1n } },
        { key: 'k', value: { intValue: 2n } },
      ],
    })
    expect(row).toMatchObject({
      Timestamp: RECEIVED_NS,
      SeverityNumber: 13,
      SeverityText: 'WARN',
      Body: 'second',
      TraceId: '02'.repeat(16),
      EventName: 'b',
      LogAttributes: { k: '2', other: '1' },
    })
  })

  it('merges a resource that comes twice', () => {
    const resource = (key: string, text: string) => ({ attributes: [{ key, value: { stringValue: text } }] })
    const body = encodeRequest({
      resourceLogs: [{ resource: [resource('service.name', 'a'), resource('zone', 'z')], scopeLogs: [{ logRecords: [{}] }] }],
    })
    expect(rowsOf(decodeOne(body))[0]).toMatchObject({ ServiceName: 'a', ResourceAttributes: { 'service.name': 'a', zone: 'z' } })
  })

  it('replaces what is not UTF-8, in bodies, keys and values', () => {
    const broken = Uint8Array.of(0x61, 0xff, 0x62)
    const row = rowOf({
      body: { stringValue: broken },
      severityText: broken,
      attributes: [{ key: broken, value: { stringValue: broken } }],
    })
    expect(row).toMatchObject({ Body: 'a\ufffdb', SeverityText: 'a\ufffdb', LogAttributes: { 'a\ufffdb': 'a\ufffdb' } })
  })

  it('skips the rejected indices and keeps the numbers of the others', () => {
    const records = Array.from({ length: 6 }, (_, i) => ({ body: { intValue: BigInt(i) } }))
    const body = encodeRequest({
      resourceLogs: [
        { scopeLogs: [{ logRecords: records.slice(0, 2) }, { logRecords: records.slice(2, 4) }] },
        { scopeLogs: [{ logRecords: records.slice(4) }] },
      ],
    })
    const rows = rowsOf(decodeOne(body, { rejected: [0, 3, 5] }))
    expect(rows.map((row) => [row.record_index, row.Body])).toEqual([
      [1, '1'],
      [2, '2'],
      [4, '4'],
    ])
  })
})

describe('times', () => {
  const original = (row: Record<string, unknown>) => (row.LogAttributes as Record<string, string>)['lapwing.original_timestamp']

  it('keeps what is within the limits and replaces what is ahead or older than retention, the original in an attribute', () => {
    const ahead = RECEIVED_NS + BigInt(AHEAD_MS) * 1_000_000n
    const old = RECEIVED_NS - BigInt(RETENTION_MS) * 1_000_000n
    for (const time of [ahead - 1_000_000n, old + 1_000_000n]) {
      const row = rowOf({ timeUnixNano: time })
      expect([row.Timestamp, original(row)]).toEqual([time, undefined])
    }
    for (const time of [ahead + 1_000_000n, old - 1_000_000n, 1n, 0xffff_ffff_ffff_ffffn]) {
      const row = rowOf({ timeUnixNano: time })
      expect([row.Timestamp, original(row)]).toEqual([RECEIVED_NS, String(time)])
    }
  })

  it('falls back to the observed time and judges it too', () => {
    expect(rowOf({ observedTimeUnixNano: RECEIVED_NS - 1n })).toMatchObject({ Timestamp: RECEIVED_NS - 1n })
    const row = rowOf({ observedTimeUnixNano: 5n })
    expect([row.Timestamp, original(row)]).toEqual([RECEIVED_NS, '5'])
  })
})

describe('a range', () => {
  it('sets a message aside without a trace of its rows', () => {
    const good = encodeRequest(request)
    const broken = Buffer.concat([good, bytesField(1, 'x', 90)])
    const output = decodeBatch(
      toInput([
        toMessage(good),
        toMessage(broken, {}, 8),
        toMessage(Uint8Array.of(1, 2), { compression: 'gzip' }, 9),
        toMessage(good, {}, 10),
      ]),
    )
    expect(output.poison.map(({ offset }) => offset)).toEqual([8, 9])
    expect(output.poison.every(({ reason, detail }) => reason === 'malformed' && detail !== '')).toBe(true)
    expect(rowsOf(output)).toEqual([...stored, ...stored.map((row) => ({ ...row, log_offset: 10n }))])
    expect(output.logRows).toBe(6)
  })

  it('gives the same bytes when it is decoded again, by a used decoder as by a new one', () => {
    const decode = createDecoder()
    const first = toInput([
      toMessage(encodeRequest(request)),
      toMessage(gzipSync(encodeRequest(request)), { compression: 'gzip', tenant: 'acme' }, 8),
    ])
    const fresh = decode(first)
    decode(
      toInput([
        toMessage(encodeRequest(oneRecord({ body: { stringValue: 'between' }, attributes: [{ key: 'z', value: { intValue: 1n } }] }))),
      ]),
    )
    const again = decode(first)
    expect(Buffer.compare(again.logs as Uint8Array, fresh.logs as Uint8Array)).toBe(0)
    expect(Buffer.compare(again.partials as Uint8Array, fresh.partials as Uint8Array)).toBe(0)
    expect(fresh.logs?.byteLength).toBe(fresh.logs?.buffer.byteLength)
    expect(rowsOf(fresh).map((row) => row.tenant)).toEqual(['default', 'default', 'default', 'acme', 'acme', 'acme'])
  })

  it('has no blocks when it has no rows', () => {
    expect(decodeOne(new Uint8Array(0))).toEqual({
      logs: null,
      logRows: 0,
      partials: null,
      partialRows: 0,
      spans: null,
      spanRows: 0,
      templateCounts: null,
      templateRows: 0,
      templates: [],
      poison: [],
    })
  })

  it('grows past its first capacity, dictionaries past 256 and 65,536 keys', () => {
    const logRecords = Array.from({ length: 70_000 }, (_, i) => ({
      severityText: `s${i}`,
      eventName: `e${i % 300}`,
      attributes: [{ key: `k${i}`, value: { intValue: BigInt(i) } }],
    }))
    const rows = rowsOf(decodeOne(encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })))
    expect(rows).toHaveLength(70_000)
    const wrong = rows.filter(
      (row, i) =>
        row.SeverityText !== `s${i}` ||
        row.EventName !== `e${i % 300}` ||
        (row.LogAttributes as Record<string, string>)[`k${i}`] !== String(i),
    )
    expect(wrong).toEqual([])
  })
})
