import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inflateSync, parseContentEncoding } from '../../../streams/inflate.ts'
import type { Compression } from '../../../streams/contracts/envelope.ts'
import { MAX_DEPTH, MAX_RECORDS, MAX_RECORD_BYTES } from '../../../streams/otlp/walk.ts'
import { walkProtobuf } from '../../../streams/otlp/walk-protobuf.ts'
import { bytesField, concatBytes, encodeRequest, fixed32Field, fixed64Field, tag, varint, varintField } from '../../support/otlp-encode.ts'
import type { EncodeOptions, TestRecord, TestRequest, TestValue } from '../../support/otlp-encode.ts'

const id = (length: number): Uint8Array => new Uint8Array(length).fill(5)
const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const nested = (depth: number, kind: 'array' | 'pairs' = 'array'): TestValue => {
  let value: TestValue = { stringValue: 'deep' }
  for (let i = 1; i < depth; i++)
    value = kind === 'array' ? { arrayValue: { values: [value] } } : { kvlistValue: { values: [{ key: 'k', value }] } }
  return value
}
const records = (...logRecords: TestRecord[]): TestRequest => ({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
const walkOf = (request: TestRequest, options?: EncodeOptions) => walkProtobuf(encodeRequest(request, options))
const everyValue: TestRecord = {
  timeUnixNano: [1n, 2n],
  observedTimeUnixNano: 3n,
  severityNumber: 9,
  severityText: 'INFO',
  body: [{ stringValue: 'a' }, nested(5, 'pairs')],
  attributes: [
    text('a', 'b'),
    text('long', 'x'.repeat(300)),
    { key: 'i', value: { intValue: -1n } },
    { key: 'd', value: { doubleValue: 1.5 } },
    { key: 'b', value: { boolValue: true } },
    { key: 'raw', value: { bytesValue: id(200) } },
    { key: 'none', value: {} },
    { key: 'absent' },
    {},
    { key: 'list', value: nested(4) },
    { key: Uint8Array.of(0xff, 0xfe), value: { stringValue: Uint8Array.of(0xc0, 0x80) } },
  ],
  droppedAttributesCount: 1,
  flags: 1,
  traceId: id(16),
  spanId: id(8),
  eventName: 'e',
}
const orders: EncodeOptions[] = [
  { order: 'spec' },
  { order: 'collector' },
  { order: 'shuffled', seed: 3 },
  { order: 'shuffled', seed: 4, unknownFields: true },
]

describe('counting', () => {
  it.each(orders)('sees every record in order, whatever the order of fields: %o', (options) => {
    const request: TestRequest = {
      resourceLogs: [
        {
          resource: { attributes: [text('service.name', 's')] },
          scopeLogs: [
            { scope: { name: 'n', attributes: [text('s', 'c')] }, logRecords: [everyValue, { traceId: id(3) }] },
            { logRecords: [{}] },
          ],
        },
        {},
        { scopeLogs: [{ logRecords: [everyValue, { spanId: id(16) }, everyValue] }] },
      ],
    }
    expect(walkOf(request, options)).toMatchObject({
      ok: true,
      recordCount: 6,
      rejected: [1, 4],
      reasons: { invalid_trace_id: 1, invalid_span_id: 1 },
    })
  })

  it('takes an empty body as no records', () => {
    expect(walkProtobuf(new Uint8Array(0))).toEqual({ ok: true, recordCount: 0, expandedBytes: 0, rejected: [], reasons: {} })
  })

  it('sums record, resource and scope bytes and 128 for each accepted record, wherever the resource stands', () => {
    const record = bytesField(3, 'x')
    const scope = bytesField(1, 'scope')
    const resource = bytesField(1, encodeRequest({}))
    for (const parts of [
      [bytesField(1, scope), bytesField(2, record), bytesField(2, record)],
      [bytesField(2, record), bytesField(2, record), bytesField(1, scope)],
    ]) {
      const logs = bytesField(2, concatBytes(parts))
      for (const both of [
        [bytesField(1, resource), logs],
        [logs, bytesField(1, resource)],
      ]) {
        expect(walkProtobuf(bytesField(1, concatBytes(both)))).toMatchObject({
          recordCount: 2,
          expandedBytes: 2 * (record.length + scope.length + resource.length + 128),
        })
      }
    }
    const bad = bytesField(9, id(3))
    expect(walkProtobuf(bytesField(1, bytesField(2, bytesField(2, bad))))).toMatchObject({ recordCount: 1, expandedBytes: 0 })
  })

  it('counts the requests of real clients as they sent them', () => {
    const clients = join(import.meta.dirname, '../../fixtures/clients')
    let checked = 0
    for (const client of readdirSync(clients)) {
      for (const file of readdirSync(join(clients, client)).filter((name) => name.endsWith('.json'))) {
        const { headers, path } = JSON.parse(readFileSync(join(clients, client, file), 'utf8')) as {
          headers: Record<string, string>
          path: string
        }
        const header = (name: string): string => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? ''
        if (!path.endsWith('/v1/logs') || header('content-type') !== 'application/x-protobuf') continue
        const plain = inflateSync(
          readFileSync(join(clients, client, file.replace('.json', '.bin'))),
          parseContentEncoding(header('content-encoding')) as Compression,
          1e6,
        )
        const walk = plain.ok ? walkProtobuf(plain.bytes) : null
        expect(walk, `${client}/${file}`).toMatchObject({ ok: true, rejected: [] })
        expect(walk?.ok && walk.recordCount, `${client}/${file}`).toBeGreaterThan(0)
        checked++
      }
    }
    expect(checked).toBeGreaterThan(20)
  })
})

describe('faults of a record', () => {
  it('an id of another length than 0 or its own rejects that record, and a repeated id counts by its last', () => {
    const walk = walkOf(
      records(
        { traceId: id(0), spanId: id(0) },
        { traceId: id(15) },
        { traceId: new Uint8Array(16) },
        { spanId: id(7) },
        { traceId: [id(3), id(16)] },
        { traceId: [id(16), id(3)] },
      ),
    )
    expect(walk).toMatchObject({ recordCount: 6, rejected: [1, 3, 5], reasons: { invalid_trace_id: 2, invalid_span_id: 1 } })
  })

  it.each(['array', 'pairs'] as const)('nesting of %s up to 32 is kept, beyond it rejected, in body and attributes', (kind) => {
    const walk = walkOf(
      records(
        { body: nested(MAX_DEPTH, kind) },
        { body: nested(MAX_DEPTH + 1, kind) },
        { attributes: [{ key: 'a', value: nested(MAX_DEPTH + 1, kind) }] },
        { body: nested(300, kind) },
      ),
    )
    expect(walk).toMatchObject({ recordCount: 4, rejected: [1, 2, 3], reasons: { nesting_too_deep: 3 } })
  })

  it('a resource or scope that nests too deep rejects its own records only, before or after them', () => {
    const deep = { attributes: [{ key: 'a', value: nested(MAX_DEPTH + 1) }] }
    const request: TestRequest = {
      resourceLogs: [
        { scopeLogs: [{ logRecords: [{ traceId: id(1) }, {}] }] },
        { resource: deep, scopeLogs: [{ logRecords: [{}, { traceId: id(1) }] }] },
        { scopeLogs: [{ scope: deep, logRecords: [{}] }, { logRecords: [{}] }] },
      ],
    }
    for (const options of orders)
      expect(walkOf(request, options)).toMatchObject({
        recordCount: 6,
        rejected: [0, 2, 3, 4],
        reasons: { invalid_trace_id: 1, nesting_too_deep: 3 },
      })
  })

  it('a record above 1 MiB is rejected, one of exactly that is kept', () => {
    const sized = (bytes: number): Uint8Array => bytesField(2, bytesField(3, new Uint8Array(bytes - 4)))
    const body = bytesField(1, bytesField(2, concatBytes([sized(MAX_RECORD_BYTES), sized(MAX_RECORD_BYTES + 1)])))
    expect(walkProtobuf(body)).toMatchObject({ recordCount: 2, rejected: [1], reasons: { record_too_large: 1 } })
  })
})

describe('faults of the body', () => {
  const inRecord = (raw: Uint8Array): Uint8Array => encodeRequest(records({}, { raw }))
  const inValue = (raw: Uint8Array): Uint8Array => encodeRequest(records({ attributes: [{ key: 'a', value: { raw } }] }))
  const cases: Record<string, Uint8Array> = {
    'a length beyond the record': inRecord(bytesField(3, 'x', 2)),
    'a length of 2^31 and more': inRecord(bytesField(3, 'x', 0x80000001)),
    'a length of 2^40': inRecord(concatBytes([tag(3, 2), varint(2 ** 40)])),
    'field 0': inRecord(varint(0)),
    'field 0 with a long tag': inRecord(Uint8Array.of(0x80, 0)),
    'a group': inRecord(tag(20, 3)),
    'an end of group': inRecord(tag(20, 4)),
    'wire type 6': inRecord(tag(20, 6)),
    'a cut fixed64': inRecord(concatBytes([tag(1, 1), id(7)])),
    'a cut fixed32': inRecord(concatBytes([tag(8, 5), id(3)])),
    'a cut varint': inRecord(Uint8Array.of(16, 0x80)),
    'a varint of 11 bytes': inRecord(concatBytes([tag(2, 0), id(10).fill(0x80), Uint8Array.of(1)])),
    'time as varint': inRecord(varintField(1, 1)),
    'severity as bytes': inRecord(bytesField(2, 'x')),
    'body as varint': inRecord(varintField(5, 1)),
    'flags as fixed64': inRecord(fixed64Field(8, 1n)),
    'a trace id as fixed32': inRecord(fixed32Field(9, 1)),
    'an attribute as varint': inRecord(varintField(6, 1)),
    'a value of another wire type': inValue(varintField(1, 1)),
    'a double as varint': inValue(varintField(4, 1)),
    'a list beyond its value': inValue(bytesField(5, 'x', 9)),
    'broken framing in a list': inValue(bytesField(5, bytesField(1, Uint8Array.of(10, 9)))),
    'broken framing in a resource': encodeRequest({ resourceLogs: [{ resource: { raw: Uint8Array.of(10, 9) } }] }),
    'a scope name as varint': encodeRequest({ resourceLogs: [{ scopeLogs: [{ scope: { raw: varintField(1, 1) } }] }] }),
    'scope logs as varint': encodeRequest({ resourceLogs: [{ raw: varintField(2, 1) }] }),
    'resource logs as varint': varintField(1, 1),
    text: new TextEncoder().encode('{"resourceLogs":[]}'),
    'a field number above 2^29': inRecord(concatBytes([varint(2 ** 32 + 8), varint(1)])),
  }
  it.each(Object.entries(cases))('%s is malformed', (_name, body) => {
    expect(walkProtobuf(body)).toMatchObject({ ok: false, reason: 'malformed', message: expect.stringMatching(/^invalid protobuf: /) })
  })

  it('the largest legal field number and longer encodings than needed are no fault', () => {
    expect(walkProtobuf(inRecord(concatBytes([varintField(2 ** 29 - 1, 1), Uint8Array.of(0x90, 0x80, 0, 0x89, 0)])))).toMatchObject({
      ok: true,
      recordCount: 2,
    })
    expect(walkProtobuf(inRecord(concatBytes([tag(3, 2), Uint8Array.of(0x81, 0x80, 0x80, 0), id(1)])))).toMatchObject({
      ok: true,
      recordCount: 2,
    })
  })

  it('every cut of a request of one resource is malformed', () => {
    const body = encodeRequest(records(everyValue), { order: 'shuffled', seed: 9 })
    for (let length = 1; length < body.length; length++)
      expect(walkProtobuf(body.subarray(0, length)), String(length)).toMatchObject({ ok: false })
  })

  it('too many records and too much expansion are too large', () => {
    const many = bytesField(
      1,
      bytesField(
        2,
        new Uint8Array((MAX_RECORDS + 1) * 2).map((_, i) => (i % 2 === 0 ? 0x12 : 0)),
      ),
    )
    expect(walkProtobuf(many)).toMatchObject({ ok: false, reason: 'too_large' })
    const shared = bytesField(1, bytesField(1, concatBytes([bytesField(1, 'k'), bytesField(2, bytesField(1, new Uint8Array(1_000_000)))])))
    const logs = bytesField(
      2,
      new Uint8Array(600).map((_, i) => (i % 2 === 0 ? 0x12 : 0)),
    )
    expect(walkProtobuf(bytesField(1, concatBytes([logs, shared])))).toMatchObject({ ok: false, reason: 'too_large' })
  })
})

describe('any bytes', () => {
  it('never make the walk throw, and what it accepts adds up', () => {
    const base = encodeRequest(records(everyValue, { traceId: id(2) }, everyValue), { order: 'shuffled', unknownFields: true })
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (noise, edits) => {
          const mutated = base.slice()
          for (const [at, byte] of edits) mutated[at] = byte
          for (const body of [noise, mutated, concatBytes([mutated.subarray(0, edits[0][0]), noise])]) {
            const walk = walkProtobuf(body)
            if (!walk.ok) continue
            expect(walk.rejected.every((index, i) => index < walk.recordCount && (i === 0 || index > walk.rejected[i - 1]))).toBe(true)
            expect(Object.values(walk.reasons).reduce((sum, count) => sum + count, 0)).toBe(walk.rejected.length)
          }
        },
      ),
      { numRuns: 1500 },
    )
  })
})
