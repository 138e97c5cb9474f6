// Any protobuf request that a client might send: every kind of value, repeated fields, absent messages, times within and out of what is believed.
import fc from 'fast-check'
import type { TestKeyValue, TestRecord, TestRequest, TestValue } from './otlp-encode.ts'

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ minLength: 100, maxLength: 400 }),
  fc.uint8Array({ maxLength: 20 }),
)
const key = fc.oneof(fc.constantFrom('service.name', 'a', 'b', 'duration_ms', 'http.route', ''), text)
const int = fc.oneof(fc.integer().map(BigInt), fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }))
const { value } = fc.letrec<{ value: TestValue; pair: TestKeyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({ stringValue: text }),
    fc.constant({}),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 30 }) }),
    fc.record({ stringValue: text, intValue: int }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value'), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie('pair'), { maxLength: 3 }) }) }),
  ),
  pair: fc.record({ key, value: tie('value') }, { requiredKeys: [] }),
}))
const pairs = fc.array(fc.record({ key, value }, { requiredKeys: [] }), { maxLength: 6 })
const many = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> =>
  fc.oneof({ weight: 4, arbitrary: item }, { weight: 1, arbitrary: fc.array(item, { maxLength: 3 }) })
const timeAround = (nowMs: number) =>
  fc.oneof(
    fc.integer({ min: -40 * 86_400, max: 3 * 86_400 }).map((s) => BigInt(nowMs + s * 1000) * 1_000_000n + 123n),
    fc.constantFrom(0n, 1n, (1n << 64n) - 1n),
  )
const bytes = (length: number) =>
  fc.oneof(fc.uint8Array({ minLength: length, maxLength: length }), fc.constantFrom(new Uint8Array(0), new Uint8Array(length)))
const recordAround = (time: fc.Arbitrary<bigint>): fc.Arbitrary<TestRecord> =>
  fc.record(
    {
      timeUnixNano: many(time),
      observedTimeUnixNano: many(time),
      severityNumber: many(fc.integer({ min: -1, max: 300 })),
      severityText: many(text),
      body: many(value),
      attributes: pairs,
      droppedAttributesCount: fc.nat(300),
      flags: fc.nat(70_000),
      traceId: many(bytes(16)),
      spanId: many(bytes(8)),
      eventName: many(text),
    },
    { requiredKeys: [] },
  )
const scope = fc.record({ name: text, version: text, attributes: pairs, droppedAttributesCount: fc.nat(9) }, { requiredKeys: [] })
const resource = fc.record({ attributes: pairs, droppedAttributesCount: fc.nat(9) }, { requiredKeys: [] })

/** @param nowMs around which most of its times lie. */
export const anyRequest = (nowMs: number): fc.Arbitrary<TestRequest> => {
  const scopeLogs = fc.record(
    { scope: many(scope), logRecords: fc.array(recordAround(timeAround(nowMs)), { maxLength: 4 }), schemaUrl: fc.string() },
    { requiredKeys: ['logRecords'] },
  )
  return fc.record({
    resourceLogs: fc.array(
      fc.record(
        { resource: many(resource), scopeLogs: fc.array(scopeLogs, { maxLength: 3 }), schemaUrl: fc.string() },
        { requiredKeys: ['scopeLogs'] },
      ),
      { maxLength: 3 },
    ),
  })
}
