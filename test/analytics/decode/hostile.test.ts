// Hostile bodies: whatever the bytes are, a message is decoded or set aside; its neighbours keep their rows.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder } from '../../../analytics/decode/decode.ts'
import { walkProtobuf } from '../../../streams/otlp/walk-protobuf.ts'
import { bytesField, concatBytes, encodeRequest, varint } from '../../support/otlp-encode.ts'
import type { TestValue } from '../../support/otlp-encode.ts'
import { readNative } from '../../support/native-read.ts'
import { nanos, NOW_MS, rangeOf, rowsOf } from './support.ts'

const good = encodeRequest({
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeLogs: [
        {
          scope: { name: 'lib', version: '1' },
          schemaUrl: 'u',
          logRecords: Array.from({ length: 5 }, (_, i) => ({
            timeUnixNano: nanos(NOW_MS),
            observedTimeUnixNano: nanos(NOW_MS),
            severityNumber: 9,
            severityText: 'INFO',
            body: { stringValue: `hello ${i}` },
            flags: 1,
            attributes: [
              { key: 'n', value: { intValue: BigInt(i) } },
              { key: 'list', value: { arrayValue: { values: [{ stringValue: 'x' }, { doubleValue: 1.5 }] } } },
            ],
            traceId: new Uint8Array(16).fill(i + 1),
            spanId: new Uint8Array(8).fill(i + 1),
            eventName: 'e',
          })),
        },
      ],
    },
  ],
})
const decode = createDecoder()

/** The message between two good ones; the good ones' rows must be there and whole. */
const expectHarmless = (body: Uint8Array, envelope: Parameters<typeof rangeOf>[0][0]['envelope'] = {}): boolean => {
  const output = decode(rangeOf([{ body: good }, { body, envelope }, { body: good }]))
  expect(output.poison.every(({ offset, reason }) => offset === 101 && reason === 'malformed')).toBe(true)
  const rows = rowsOf(output)
  expect(rows.length).toBe(output.logRows)
  for (const offset of [100n, 102n])
    expect(rows.filter((row) => row.log_offset === offset).map((row) => row.Body)).toEqual([0, 1, 2, 3, 4].map((i) => `hello ${i}`))
  if (output.poison.length > 0) expect(rows.length).toBe(10)
  if (output.partials !== null) readNative(output.partials)
  return output.poison.length > 0
}

const mutated = fc
  .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(good.length))
  .map(([changes, cut]) => {
    const body = Uint8Array.from(good)
    for (const [at, byte] of changes) body[at] = byte
    return cut % 3 === 0 ? body.slice(0, cut) : body
  })

describe('a hostile protobuf body', () => {
  it('mutated or truncated never throws, and harms no other message', () => {
    let poisoned = 0
    fc.assert(
      fc.property(mutated, (body) => {
        if (expectHarmless(body)) poisoned++
      }),
      { numRuns: 600 },
    )
    expect(poisoned).toBeGreaterThan(40)
  })

  it('of random bytes never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expectHarmless(body)
      }),
      { numRuns: 250 },
    )
  })

  it('is set aside whenever the walk calls it malformed, and decoded whenever the walk accepts it', () => {
    fc.assert(
      fc.property(mutated, (body) => {
        const walk = walkProtobuf(body)
        const output = decode(rangeOf([{ body, envelope: { rejected: walk.ok ? walk.rejected : [] } }]))
        if (walk.ok) expect(output).toMatchObject({ poison: [], logRows: walk.recordCount - walk.rejected.length })
        else expect(output).toMatchObject({ logRows: 0, logs: null, poison: [{ offset: 100 }] })
      }),
      { numRuns: 600 },
    )
  })

  it('nested too deep costs only the records that the walk rejects for it', () => {
    let value: TestValue = { stringValue: 'bottom' }
    for (let i = 0; i < 300; i++) value = { arrayValue: { values: [value] } }
    const scopeLogs = [{ logRecords: [{ body: { stringValue: 'a' } }] }]
    const body = encodeRequest({
      resourceLogs: [
        { resource: { attributes: [{ key: 'deep', value }] }, scopeLogs },
        { scopeLogs },
        { scopeLogs: [{ logRecords: [{ body: value }, { body: { stringValue: 'b' } }] }] },
      ],
    })
    const walk = walkProtobuf(body)
    const { rejected } = walk as Extract<typeof walk, { ok: true }>
    expect(rejected).toEqual([0, 2])
    const output = decode(rangeOf([{ body, envelope: { rejected } }]))
    expect(output.poison).toEqual([])
    expect(rowsOf(output).map((row) => [row.record_index, row.Body])).toEqual([
      [1, 'a'],
      [3, 'b'],
    ])
  })

  it('with a length of 4 GiB or with varints of 11 bytes is set aside', () => {
    for (const body of [
      bytesField(1, 'x', 4_294_967_295),
      bytesField(1, 'x', 2 ** 40),
      concatBytes([Uint8Array.of(10), new Uint8Array(11).fill(255)]),
      concatBytes([varint(2 ** 33), good]),
    ]) {
      expect(expectHarmless(body)).toBe(true)
    }
  })

  it('with 100,000 attributes of few names keeps the last of each, quickly', () => {
    const attributes = Array.from({ length: 100_000 }, (_, i) => ({ key: `k${i % 1000}`, value: { stringValue: String(i) } }))
    const output = decode(rangeOf([{ body: encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] }) }]))
    const stored = rowsOf(output)[0].LogAttributes
    expect(Object.keys(stored)).toHaveLength(1000)
    expect(stored.k7).toBe('99007')
  })
})

describe('a hostile body in another form', () => {
  it('never throws as JSON, as events, or as any compression', () => {
    const forms = fc.constantFrom(
      { format: 'json' as const },
      { signal: 'json_logs' as const, format: 'json' as const },
      { signal: 'json_logs' as const, format: 'ndjson' as const },
      { compression: 'gzip' as const },
      { compression: 'zstd' as const },
      { compression: 'snappy' as const },
      { compression: 'lz4' as const },
      { compression: 'br' as const },
      { signal: 'mark' as const, format: 'none' as const },
    )
    const json = fc.json().map((text) => Buffer.from(text))
    const otlp = fc
      .json()
      .map((text) => Buffer.from(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${text}},{"attributes":${text}}]}]}]}`))
    fc.assert(
      fc.property(fc.oneof(json, otlp, fc.uint8Array()), forms, (body, envelope) => {
        expectHarmless(body, envelope)
      }),
      { numRuns: 250 },
    )
  })
})
