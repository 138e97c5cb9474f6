// Pieces of a body hold its accepted records, in order, each with its own resource and scope, and are bodies of their own. What a piece
// says is read by the decoders, and by the reference for protobuf.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assemble, type Split } from '../../../streams/otlp/split.ts'
import { splitEvents, splitOtlpJson } from '../../../streams/otlp/split-json.ts'
import { splitProtobuf } from '../../../streams/otlp/split-protobuf.ts'
import { walkEvents } from '../../../streams/otlp/walk-events.ts'
import { walkOtlpJson } from '../../../streams/otlp/walk-json.ts'
import { walkProtobuf } from '../../../streams/otlp/walk-protobuf.ts'
import type { Walk } from '../../../streams/otlp/walk.ts'
import { bodyColumns, CONTEXT, decodeOne, NOW_MS } from '../../analytics/decode/support.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { anyRequest } from '../../support/otlp-arbitrary.ts'
import { bytesField, concatBytes, encodeRequest, type TestRecord, type TestRequest } from '../../support/otlp-encode.ts'
import { referenceRows } from '../../support/otlp-reference.ts'

const walked = (walk: Walk): Walk & { ok: true } => {
  if (!walk.ok) throw new Error(walk.message)
  return walk
}
const piecesOf = (body: Uint8Array, split: Split): { readonly bodies: Uint8Array[]; readonly counts: number[] } => {
  if (!split.ok) throw new Error(split.message)
  return { bodies: split.pieces.map((piece) => assemble(body, piece)), counts: split.pieces.map(({ recordCount }) => recordCount) }
}
const withoutIndex = <T extends { record_index: number }>(row: T): T => ({ ...row, record_index: 0 })
/** The smallest of some limits under which a body can be cut. */
const tightest = (body: Uint8Array, attempt: (maxBytes: number) => Split): { readonly limit: number; readonly split: Split } => {
  let [low, high] = [16, body.length + 64]
  while (high - low > 8) {
    const middle = Math.floor((low + high) / 2)
    if (attempt(middle).ok) high = middle
    else low = middle
  }
  return { limit: high, split: attempt(high) }
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

/** The same request with some of its records, by number, made ones that are rejected. */
const spoil = (request: TestRequest, isBad: (index: number) => boolean): TestRequest => {
  let index = 0
  const record = (one: TestRecord): TestRecord => (isBad(index++) ? { ...one, traceId: new Uint8Array(3) } : one)
  return {
    ...request,
    resourceLogs: request.resourceLogs?.map((group) => ({
      ...group,
      scopeLogs: group.scopeLogs?.map((logs) => ({ ...logs, logRecords: logs.logRecords?.map(record) })),
    })),
  }
}

describe('a protobuf body', () => {
  for (const order of ['spec', 'collector', 'shuffled'] as const) {
    it(`has its records in its pieces, in order and as the reference reads them, with its fields in ${order} order`, () => {
      let pieces = 0
      fc.assert(
        fc.property(
          anyRequest(NOW_MS),
          fc.integer(),
          fc.boolean(),
          fc.integer({ min: 1, max: 5 }),
          (sent, seed, unknownFields, badEvery) => {
            const body = encodeRequest(
              spoil(sent, (index) => badEvery > 1 && index % badEvery === 1),
              { order, seed, unknownFields },
            )
            const { rejected, recordCount } = walked(walkProtobuf(body))
            const { limit, split } = tightest(body, (maxBytes) => splitProtobuf(body, rejected, maxBytes))
            const { bodies, counts } = piecesOf(body, split)
            expect(bodies.every((piece) => piece.length <= limit)).toBe(true)
            expect(bodies.flatMap((piece) => referenceRows(piece, CONTEXT)).map(withoutIndex)).toEqual(
              referenceRows(body, { ...CONTEXT, rejected }).map(withoutIndex),
            )
            expect(counts).toEqual(bodies.map((piece) => walked(walkProtobuf(piece)).recordCount))
            expect(sum(counts)).toBe(recordCount - rejected.length)
            pieces += bodies.length
          },
        ),
        { numRuns: 40 },
      )
      expect(pieces).toBeGreaterThan(40)
    })
  }

  it('keeps the bytes of a record, its resource and its scope, and leaves out what the protocol does not know beside them', () => {
    const record = (text: string): Uint8Array => bytesField(2, concatBytes([bytesField(3, text), bytesField(900, 'of a later protocol')]))
    const scope = bytesField(1, bytesField(1, 'lib'))
    const resource = bytesField(1, bytesField(900, 'resource'))
    const logs = bytesField(2, concatBytes([record('a'), bytesField(901, 'x'.repeat(5000)), scope, record('b')]))
    const body = bytesField(1, concatBytes([logs, resource, bytesField(3, 'schema')]))
    const { bodies } = piecesOf(body, splitProtobuf(body, [], 75))
    const expected = (text: string): Uint8Array =>
      bytesField(1, concatBytes([resource, bytesField(3, 'schema'), bytesField(2, concatBytes([scope, record(text)]))]))
    expect(bodies.map((piece) => Buffer.from(piece).toString('hex'))).toEqual(
      ['a', 'b'].map((text) => Buffer.from(expected(text)).toString('hex')),
    )
  })

  it('is refused only for an accepted record that fits into no piece, and fills pieces to the limit', () => {
    const body = encodeRequest({
      resourceLogs: [
        {
          scopeLogs: [
            { logRecords: Array.from({ length: 1000 }, (_, n) => ({ body: { stringValue: 'x'.repeat(n === 500 ? 5000 : 90) } })) },
          ],
        },
      ],
    })
    expect(splitProtobuf(body, [], 4000)).toMatchObject({
      ok: false,
      reason: 'too_large',
      message: expect.stringMatching(/a record of 50\d\d bytes.*4000 bytes/),
    })
    const { bodies } = piecesOf(body, splitProtobuf(body, [500], 4000))
    expect(bodies.slice(0, -1).every(({ length }) => length > 3890 && length <= 4000)).toBe(true)
    const whole = walked(
      walkProtobuf(
        encodeRequest({
          resourceLogs: [{ scopeLogs: [{ logRecords: Array.from({ length: 999 }, () => ({ body: { stringValue: 'x'.repeat(90) } })) }] }],
        }),
      ),
    )
    const cut = splitProtobuf(body, [500], 4000)
    expect(cut.ok && sum(cut.pieces.map(({ expandedBytes }) => expandedBytes))).toBe(whole.expandedBytes)
  })

  it('is refused when a large resource over small records would make it many times its size', () => {
    const resource = { attributes: [{ key: 'a', value: { stringValue: 'x'.repeat(60_000) } }] }
    const body = encodeRequest({
      resourceLogs: [{ resource, scopeLogs: [{ logRecords: Array.from({ length: 20_000 }, () => ({ severityNumber: 9 })) }] }],
    })
    expect(splitProtobuf(body, [], 60_050)).toMatchObject({
      ok: false,
      reason: 'too_large',
      message: expect.stringContaining('would take more than'),
    })
  })
})

/** Text as it is, where a value would be written by the serialiser. */
class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
const SNAKE: Record<string, string> = {
  resourceLogs: 'resource_logs',
  scopeLogs: 'scope_logs',
  logRecords: 'log_records',
  schemaUrl: 'schema_url',
  timeUnixNano: 'time_unix_nano',
  stringValue: 'string_value',
  intValue: 'int_value',
}
/** JSON as no serialiser writes it: white space everywhere, names escaped, by their other form, or there twice with the last one right. */
const hostileJson = (value: unknown, next: () => number): string => {
  const blank = (): string => ['', '', ' ', '\n\t', '\r\n  '][Math.floor(next() * 5)]
  const name = (key: string): string => {
    const chosen = next() < 0.3 ? (SNAKE[key] ?? key) : key
    return next() < 0.1 && chosen !== ''
      ? `"\\u${chosen.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(chosen.slice(1)).slice(1)}`
      : JSON.stringify(chosen)
  }
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${blank()}${value.map((item) => hostileJson(item, next)).join(`${blank()},${blank()}`)}${blank()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).flatMap(([key, item]) => {
    const written = name(key)
    const member = `${written}${blank()}:${blank()}${hostileJson(item, next)}`
    if (next() < 0.1) return [`${written}:[{"a":"}]\\\\\\"","b":[[1e400]]}]`, member]
    return [member]
  })
  return `{${blank()}${members.join(`${blank()},${blank()}`)}${blank()}}`
}
const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}
/** Invalid UTF-8 for some of the letters, and a byte order mark in front. */
const toBytes = (text: string, next: () => number): Uint8Array => {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0x7a && next() < 0.3) bytes[at] = 0xe2
  return next() < 0.3 ? Buffer.concat([Buffer.from('\ufeff'), bytes]) : bytes
}

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('{[', ']}', '"', '\\', ',', 'zzz', 'é\u2028', '\ud800'))
const double = fc.constantFrom(...['-0', '1e19', '12345678901234567890.0', '1.0', '1E2', '0.1'].map((one) => new Raw(one)))
const int = fc.constantFrom(new Raw('9223372036854775807'), new Raw('-5'), '7', new Raw('1.0'))
const jsonValue = fc.oneof(
  fc.record({ stringValue: text }),
  fc.record({ doubleValue: double }),
  fc.record({ intValue: int }),
  fc.constant({}),
  fc.constant(null),
  fc.record({ arrayValue: fc.record({ values: fc.array(fc.record({ stringValue: text }), { maxLength: 3 }) }) }),
)
const jsonPairs = fc.array(fc.record({ key: fc.oneof(fc.constant('service.name'), text), value: jsonValue }), { maxLength: 4 })
const jsonRecord = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        timeUnixNano: fc.constantFrom(new Raw(`${NOW_MS}000001`), `${NOW_MS}000002`),
        body: jsonValue,
        attributes: jsonPairs,
        severityText: text,
        traceId: fc.constantFrom('', 'ab'.repeat(16), 'short'),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.constant(null) },
)
const nullable = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 6, arbitrary: item }, { weight: 1, arbitrary: fc.constant(null) })
const jsonRequest = fc.record(
  {
    other: text,
    resourceLogs: nullable(
      fc.array(
        nullable(
          fc.record(
            {
              resource: nullable(fc.record({ attributes: jsonPairs })),
              schemaUrl: nullable(text),
              scopeLogs: fc.array(
                nullable(
                  fc.record(
                    {
                      scope: nullable(fc.record({ name: text, attributes: jsonPairs }, { requiredKeys: [] })),
                      schemaUrl: text,
                      logRecords: fc.array(jsonRecord, { maxLength: 5 }),
                    },
                    { requiredKeys: [] },
                  ),
                ),
                { maxLength: 3 },
              ),
            },
            { requiredKeys: [] },
          ),
        ),
        { maxLength: 3 },
      ),
    ),
  },
  { requiredKeys: ['resourceLogs'] },
)

const rowsOf = (body: Uint8Array, envelope: Parameters<typeof createEnvelope>[0]): ReturnType<typeof bodyColumns>[] =>
  decodeOne(body, envelope).map(bodyColumns).map(withoutIndex)

describe('an OTLP JSON body', () => {
  it('has its records in its pieces, in order and as the decoder reads them', () => {
    let pieces = 0
    fc.assert(
      fc.property(jsonRequest, fc.integer(), (request, seed) => {
        const next = seeded(seed)
        const body = toBytes(hostileJson(request, next), next)
        const { rejected, recordCount } = walked(walkOtlpJson(body))
        const { limit, split } = tightest(body, (maxBytes) => splitOtlpJson(body, rejected, maxBytes))
        const { bodies, counts } = piecesOf(body, split)
        expect(bodies.every((piece) => piece.length <= limit)).toBe(true)
        expect(bodies.flatMap((piece) => rowsOf(piece, { format: 'json' }))).toEqual(rowsOf(body, { format: 'json', rejected }))
        expect(sum(counts)).toBe(recordCount - rejected.length)
        pieces += bodies.length
      }),
      { numRuns: 100 },
    )
    expect(pieces).toBeGreaterThan(40)
  })

  it('keeps the text of its records', () => {
    const body = Buffer.from(
      '{"resourceLogs":[{"resource":{"attributes" : []},"scopeLogs":[{"logRecords":[ {"flags":1 , "x":9007199254740993} ,\n{"flags":2}, {"traceId":"no"}, {"flags":3}]}]}]}',
    )
    const { bodies } = piecesOf(body, splitOtlpJson(body, [2], 170))
    expect(bodies.map((piece) => Buffer.from(piece).toString())).toEqual([
      '{"resourceLogs":[{"resource":{"attributes" : []},"scopeLogs":[{"logRecords":[{"flags":1 , "x":9007199254740993} ,\n{"flags":2},{"flags":3}]}]}]}',
    ])
    expect(splitOtlpJson(body, [2], 100)).toMatchObject({ ok: false, reason: 'too_large' })
  })
})

const event = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        msg: text,
        ts: fc.constantFrom(NOW_MS, new Raw(`${NOW_MS}000000`), '2026-04-07T12:00:00Z'),
        level: fc.constantFrom('info', 30),
        a: fc.oneof(text, double, fc.array(text, { maxLength: 2 })),
        'é"': text,
      },
      { requiredKeys: ['msg'] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom({}, 5 as unknown, 'text', [1], null) },
)

describe('a body of plain events', () => {
  for (const format of ['json', 'ndjson'] as const) {
    it(`has its events in its pieces, in order and as the decoder reads them, as ${format}`, () => {
      let pieces = 0
      fc.assert(
        fc.property(
          fc.array(fc.oneof({ weight: 3, arbitrary: event }, { weight: 1, arbitrary: fc.array(event, { maxLength: 4 }) }), {
            minLength: 1,
            maxLength: 8,
          }),
          fc.boolean(),
          fc.integer(),
          (documents, isList, seed) => {
            const next = seeded(seed)
            const line = (document: unknown): string => hostileJson(document, next).replaceAll(/[\r\n]/g, ' ')
            const lines =
              format === 'ndjson'
                ? [...documents.map(line), '[{"msg":"cut', '', '  '].join('\n')
                : isList
                  ? hostileJson(documents, next)
                  : documents
                      .filter((one) => typeof one === 'object' && one !== null)
                      .map((one) => hostileJson(one, next))
                      .join(' ')
            const body = toBytes(lines, next)
            const walk = walkEvents(body, format)
            if (!walk.ok) return
            const { limit, split } = tightest(body, (maxBytes) => splitEvents(body, format, walk.rejected, maxBytes))
            const { bodies, counts } = piecesOf(body, split)
            expect(bodies.every((piece) => piece.length <= limit)).toBe(true)
            expect(bodies.flatMap((piece) => rowsOf(piece, { signal: 'json_logs', format: 'json' }))).toEqual(
              rowsOf(body, { signal: 'json_logs', format, rejected: walk.rejected }),
            )
            expect(sum(counts)).toBe(walk.recordCount - walk.rejected.length)
            pieces += bodies.length
          },
        ),
        { numRuns: 100 },
      )
      expect(pieces).toBeGreaterThan(100)
    })
  }
})
