// Times as callers write them, and what they are told of those that are none.
import { expect, test } from 'vitest'
import { toInstant } from '../../api/instant.ts'
import { resolveRange } from '../../api/time-range.ts'

const NOW = Date.UTC(2026, 0, 31, 12)
const faultOf = (from: string | undefined, to?: string): Record<string, unknown> => {
  try {
    return { ...resolveRange(from, to, NOW) }
  } catch (error) {
    const { code, message, fields, more } = error as { code: string; message: string; fields?: object[]; more?: object }
    return { code, message, fields, ...more }
  }
}

test.each([
  ['2026-01-31T11:00:00Z'],
  ['2026-01-31t11:00:00z'],
  ['2026-01-31T12:00+01:00'],
  ['now-1h'],
  ['now-60m'],
  ['1769857200'],
  ['1769857200000'],
  ['1769857200000000'],
  ['1769857200000000000'],
])('%s is an hour ago', (from) => {
  expect(resolveRange(from, undefined, NOW)).toEqual({ fromMs: NOW - 3_600_000, toMs: NOW })
})

test.each([
  ['2026-02-30T00:00:00Z'],
  ['2025-02-29T00:00:00Z'],
  ['2026-01-00T00:00:00Z'],
  ['2026-13-01T00:00:00Z'],
  ['2026-01-31T25:00:00Z'],
  ['2026-01-31T12:00:00'],
  ['2026-01-31'],
  ['yesterday'],
  ['now+1h'],
  ['12345678'],
  ['1'.repeat(21)],
])('%s is no time', (from) => {
  expect(faultOf(from)).toMatchObject({
    code: 'BAD_TIME_RANGE',
    message: 'from is not a time',
    fields: [{ path: 'from' }],
    server_time: '2026-01-31T12:00:00.000Z',
  })
})

test('a day that the year has is one', () => {
  expect(toInstant('2024-02-29T00:00:00Z')).toBe(Date.UTC(2024, 1, 29))
})

test('a range that begins beyond what can be stored, or behind its end, is refused with the time that it is here', () => {
  expect(faultOf('2026-02-01T12:00:01Z', '2026-03-01T00:00:00Z')).toMatchObject({
    code: 'BAD_TIME_RANGE',
    message: 'from is in the future',
    server_time: '2026-01-31T12:00:00.000Z',
  })
  expect(faultOf('2026-02-01T11:00:00Z', '2026-03-01T00:00:00Z')).not.toHaveProperty('code')
  expect(faultOf('now', 'now-1h')).toMatchObject({
    code: 'BAD_TIME_RANGE',
    message: 'from is after to',
    server_time: '2026-01-31T12:00:00.000Z',
  })
})
