import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toNanos } from '../../../streams/otlp/event-time.ts'
import { parseEvents } from '../../../streams/otlp/json-events.ts'
import type { ParsedEvent } from '../../../streams/otlp/json-events.ts'
import { toJsonText } from '../../../streams/otlp/json-source.ts'
import { describeRejections, MAX_DEPTH } from '../../../streams/otlp/walk.ts'
import { walkEvents } from '../../../streams/otlp/walk-events.ts'

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const eventsOf = (value: unknown, format: 'json' | 'ndjson' = 'json'): readonly ParsedEvent[] => {
  const parsed = parseEvents(bytes(value), format)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.events
}
const severitiesOf = (...levels: unknown[]) =>
  eventsOf(levels.map((level) => ({ level, m: 1 }))).map((event) => event.ok && event.severityNumber)
const T = 1700000000n * 1_000_000_000n

describe('one event', () => {
  it('is read from our own field names, and every other key is an attribute', () => {
    expect(
      eventsOf({
        ts: '2023-11-14T22:13:20.123456789Z',
        level: 'warn',
        service: 'shop',
        message: 'hello',
        host: 'h1',
        source: 'cron',
        trace_id: 'A'.repeat(32),
        span_id: 'b'.repeat(16),
        attrs: { a: 1, nested: { b: [2] } },
        extra: true,
        nothing: null,
      }),
    ).toEqual([
      {
        ok: true,
        timeUnixNano: T + 123456789n,
        level: 'warn',
        severityNumber: 13,
        service: 'shop',
        message: 'hello',
        host: 'h1',
        source: 'cron',
        traceId: 'a'.repeat(32),
        spanId: 'b'.repeat(16),
        attrs: { a: 1, nested: { b: [2] }, extra: true },
        bytes: expect.any(Number),
      },
    ])
  })

  it('is read as Vector sends it', () => {
    expect(
      eventsOf([
        { timestamp: '2023-11-14T22:13:20.5Z', message: 'm', host: 'v', source_type: 'file', file: '/var/log/a', severity: 'err' },
      ])[0],
    ).toMatchObject({
      timeUnixNano: T + 500_000_000n,
      message: 'm',
      host: 'v',
      severityNumber: 17,
      service: 'unknown_service',
      attrs: { source_type: 'file', file: '/var/log/a' },
    })
  })

  it('is read as Fluent Bit sends it, with a date in seconds and nested metadata', () => {
    expect(eventsOf('[{"date":1700000000.25,"log":"line","kubernetes":{"pod":"p"}}]')[0]).toMatchObject({
      timeUnixNano: T + 250_000_000n,
      message: 'line',
      attrs: { kubernetes: { pod: 'p' } },
    })
  })

  it('takes the first alias that it can use and keeps the others as attributes', () => {
    expect(eventsOf({ '@timestamp': 'yesterday', time: 1700000000000, msg: 'a', body: { x: 1 } })[0]).toMatchObject({
      timeUnixNano: T,
      message: 'a',
      attrs: { '@timestamp': 'yesterday', body: { x: 1 } },
    })
    expect(eventsOf({ body: { x: 1 } })[0]).toMatchObject({ message: '{"x":1}', timeUnixNano: null })
    expect(eventsOf({ msg: 'a', level: {}, service: { name: 's' }, trace_id: 'short', host: 5 })[0]).toMatchObject({
      level: '',
      service: 'unknown_service',
      traceId: '',
      attrs: { level: {}, service: { name: 's' }, trace_id: 'short', host: 5 },
    })
  })

  it('needs no message, but a key', () => {
    expect(eventsOf([{ status: 500 }, {}, 'text', null, 5])).toMatchObject([
      { ok: true, message: '', attrs: { status: 500 } },
      { reject: 'empty_event' },
      { reject: 'not_an_object' },
      { reject: 'not_an_object' },
      { reject: 'not_an_object' },
    ])
  })

  it('maps level names and numbers to OpenTelemetry severities', () => {
    expect(severitiesOf('trace', 'DEBUG', 'Info', 'notice', 'warning', 'Error', 'critical', 'fatal', 'odd', 'constructor')).toEqual([
      1, 5, 9, 10, 13, 17, 21, 21, 0, 0,
    ])
    expect(severitiesOf(10, 30, 50, 60, 9, 17, 24, 0, 99)).toEqual([1, 9, 17, 21, 9, 17, 24, 0, 0])
  })

  it('keeps integers exact, and a __proto__ key is an attribute like any other', () => {
    const [event] = eventsOf('{"m":"x","id":12345678901234567890,"__proto__":{"a":1},"deep":{"id":9007199254740993}}')
    expect(event.ok && [event.attrs.id, toJsonText(event.attrs.deep), Object.keys(event.attrs)]).toEqual([
      12345678901234567890n,
      '{"id":9007199254740993}',
      ['m', 'id', '__proto__', 'deep'],
    ])
  })

  it('above 1 MiB or deeper than 32 levels is rejected alone', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
    const walk = walkEvents(
      bytes([{ message: 'x'.repeat(1_100_000) }, { a: nested(MAX_DEPTH - 1) }, { a: nested(MAX_DEPTH) }, { message: 'ok' }]),
      'json',
    )
    expect(walk).toMatchObject({ ok: true, recordCount: 4, rejected: [0, 2], reasons: { record_too_large: 1, nesting_too_deep: 1 } })
    expect(walk.ok && describeRejections(walk.reasons)).toBe(
      '2 records rejected: larger than 1048576 bytes (1), nested deeper than 32 levels (1)',
    )
  })
})

describe('a body', () => {
  it('in lines numbers them in order, blank ones left out, and a broken line costs only itself', () => {
    expect(walkEvents(bytes('{"message":"a"}\r\n\n{"message":\n  \n[{"message":"b"},{}]\n{"message":"c"}'), 'ndjson')).toMatchObject({
      ok: true,
      recordCount: 5,
      rejected: [1, 3],
      reasons: { invalid_json: 1, empty_event: 1 },
    })
  })

  it('of JSON may be lines or objects in a row, as Fluent Bit labels them', () => {
    for (const body of ['{"message":"a"}\n{"message":"b"}\n', '{"message":"a{"}{"message":"b"}', '[{"message":"a"}]\n[{"message":"b"}]']) {
      expect(walkEvents(bytes(body), 'json'), body).toMatchObject({ ok: true, recordCount: 2, rejected: [] })
    }
  })

  it('that is no JSON at all is malformed, an empty array and no lines are nothing', () => {
    for (const body of ['', 'hello', '{"a":', '{"a":1} tail', '{"a":1}{b}'])
      expect(walkEvents(bytes(body), 'json'), body).toMatchObject({ ok: false, reason: 'malformed' })
    expect(walkEvents(bytes('hello\nworld'), 'ndjson')).toMatchObject({ ok: false, reason: 'malformed' })
    expect(walkEvents(bytes('[]'), 'json')).toMatchObject({ ok: true, recordCount: 0 })
    expect(walkEvents(bytes('\n'), 'ndjson')).toMatchObject({ ok: true, recordCount: 0 })
  })

  it('beyond the limits is refused, in one document and over all lines together', () => {
    expect(walkEvents(bytes(`[${'{},'.repeat(500_000)}{}]`), 'json')).toMatchObject({ ok: false, reason: 'too_large' })
    expect(walkEvents(bytes(`{"a":[${'[],'.repeat(1000)}1]}\n`.repeat(2500)), 'ndjson')).toMatchObject({ ok: false, reason: 'too_large' })
    expect(walkEvents(bytes(`{"a":"\n`.repeat(1000) + `{"a":[${'[],'.repeat(1000)}1]}\n`.repeat(2500)), 'ndjson')).toMatchObject({
      ok: false,
      reason: 'too_large',
    })
  })

  it('of any JSON or bytes never makes the walk throw, and the decoder sees the same verdicts', () => {
    const key = fc.constantFrom('ts', 'time', 'level', 'service', 'message', 'attrs', 'trace_id', '__proto__', 'x')
    const event = fc.oneof(fc.dictionary(key, fc.jsonValue()), fc.jsonValue())
    fc.assert(
      fc.property(fc.array(event, { maxLength: 5 }), fc.uint8Array({ maxLength: 30 }), fc.nat(100), (events, noise, at) => {
        const lines = bytes(events.map((item) => JSON.stringify(item)).join('\n'))
        for (const body of [bytes(events), lines, noise, Buffer.concat([lines.subarray(0, at), noise, lines.subarray(at)])]) {
          for (const format of ['json', 'ndjson'] as const) {
            const walk = walkEvents(body, format)
            const parsed = parseEvents(body, format)
            expect(walk.ok).toBe(parsed.ok)
            if (walk.ok && parsed.ok) expect(parsed.events.flatMap((item, i) => (item.ok ? [] : [i]))).toEqual(walk.rejected)
          }
        }
      }),
      { numRuns: 400 },
    )
  })
})

describe('times', () => {
  it('are seconds, milliseconds, microseconds or nanoseconds by their size, as number or text', () => {
    for (const value of [
      1700000000,
      1700000000000,
      1700000000000000,
      T,
      '1700000000',
      '1700000000000',
      String(T),
      '2023-11-14T22:13:20Z',
      '2023-11-14 22:13:20',
      '2023-11-14T23:13:20+01:00',
      '2023-11-14T23:13:20+0100',
      'Tue, 14 Nov 2023 22:13:20 GMT',
    ])
      expect(toNanos(value), String(value)).toBe(T)
  })

  it('keep their fraction', () => {
    expect(toNanos('2023-11-14T22:13:20.000000001Z')).toBe(T + 1n)
    expect(toNanos(1700000000.000001)).toBe(T + 1000n)
    expect(toNanos('1969-12-31T23:59:59.5Z')).toBe(-500_000_000n)
  })

  it('that 64 bits cannot hold, or that are none, are null', () => {
    for (const value of [
      '',
      'soon',
      '9999-01-01T00:00:00Z',
      '2023-13-45T00:00:00Z',
      Number.MAX_VALUE,
      2 ** 63,
      99_999_999_999,
      95_000_000_000_000,
      1n << 63n,
      {},
      true,
      12_345_678_901.5,
    ])
      expect(toNanos(value), String(value)).toBeNull()
  })
})
