// What a model is given: within its bytes, nothing left out silently, nothing in it that is not seen; and what it sends, read leniently.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { MAX_BYTES, present, sizeOf, type Wish } from '../../../api/mcp/present.ts'
import { repair } from '../../../api/mcp/repair.ts'
import { toCall } from '../../../api/mcp/request.ts'
import { sanitise } from '../../../api/mcp/sanitise.ts'
import type { Tool } from '../../../api/tools/derive.ts'

const wish = (more: Partial<Wish> = {}): Wish => ({ detail: 'detailed', fields: null, maxBytes: 16 * 1024, ...more })
const list = { list: 'rows', untrusted: ['message'] }
const text = fc.oneof(
  fc.string({ maxLength: 200, unit: 'grapheme' }),
  fc.string({ minLength: 1000, maxLength: 6000 }),
  fc.constant('ä'.repeat(3000)),
)
const row = fc.record({
  id: fc.string({ maxLength: 20 }),
  message: text,
  attrs: fc.dictionary(fc.string({ maxLength: 10 }), text, { maxKeys: 12 }),
})

describe('a list', () => {
  it('is within its bytes, has a row at least, and says what is missing', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 80 }), fc.integer({ min: 4096, max: MAX_BYTES }), (rows, maxBytes) => {
        const { value, fitting } = present({ rows }, list, wish({ maxBytes }))
        expect(sizeOf(value)).toBeLessThanOrEqual(maxBytes)
        expect(value.returned).toBe((value.rows as unknown[]).length)
        if (rows.length > 0) expect(value.returned).toBeGreaterThanOrEqual(1)
        expect(value.has_more).toBe((value.returned as number) < rows.length)
        expect(fitting).toBe((value.returned as number) < rows.length ? value.returned : null)
        if (fitting !== null || value.cut !== undefined) expect([value.truncated, typeof value.truncated_reason]).toEqual([true, 'string'])
      }),
      { numRuns: 60 },
    )
  })

  it('gives no cursor of a page that it does not show whole', () => {
    const rows = Array.from({ length: 200 }, (_, index) => ({ id: String(index), message: 'x'.repeat(400) }))
    expect(present({ rows, nextCursor: 'c' }, { ...list, cursor: ['nextCursor', 'cursor'] }, wish()).value).toMatchObject({
      has_more: true,
      truncated_reason: 'max_bytes',
    })
    expect(present({ rows, nextCursor: 'c' }, { ...list, cursor: ['nextCursor', 'cursor'] }, wish()).value).not.toHaveProperty(
      'next_cursor',
    )
    expect(present({ rows: rows.slice(0, 2), nextCursor: 'c' }, { ...list, cursor: ['nextCursor', 'cursor'] }, wish()).value).toMatchObject(
      { has_more: true, next_cursor: 'c', truncated: false },
    )
  })

  it('has few columns when it is concise, and those that are asked for', () => {
    const rows = [{ id: '1', message: 'm', extra: 1 }]
    expect(present({ rows }, { ...list, concise: ['id'] }, wish({ detail: 'concise' })).value).toMatchObject({
      columns: ['id'],
      rows: [['1']],
    })
    expect(present({ rows }, { ...list, concise: ['id'] }, wish()).value).toMatchObject({ columns: ['id', 'message', 'extra'] })
    expect(present({ rows }, { ...list, concise: ['id'] }, wish({ fields: ['message', 'id'] })).value).toMatchObject({
      rows: [['m', '1']],
      untrusted: ['message'],
    })
  })

  it('says how many match, as far as they were counted, and what of a counted table others have written', () => {
    const facets = { service: { cart: 3 }, level: { error: 2, info: 1 } }
    expect(present({ rows: [], facets, facetsPartial: false }, list, wish()).value).toMatchObject({ matched: 3 })
    expect(present({ rows: [], facets, facetsPartial: true }, list, wish()).value).toMatchObject({ matched_at_least: 3 })
    expect(present({ rows: [] }, list, wish()).value).not.toHaveProperty('matched')
    expect(
      present(
        { columns: ['time', 'service', 'count'], rows: [['2026-01-31T12:00:00Z', 'cart', 3]] },
        { list: 'rows', isTable: true },
        wish(),
      ).value,
    ).toMatchObject({ untrusted: ['service'] })
  })

  it('cuts a long text between two characters and lists what it was', () => {
    expect(present({ rows: [{ id: '1', message: `${'a'.repeat(511)}😀${'b'.repeat(10)}` }] }, list, wish()).value).toMatchObject({
      rows: [['1', `${'a'.repeat(511)}…`]],
      cut: [{ row: 0, field: 'message', bytes: 525 }],
    })
  })
})

test('an object halves its longest lists until it fits, and says how much of each is shown', () => {
  const answer = {
    id: 'inc_1',
    updates: Array.from({ length: 500 }, (_, index) => ({ at: String(index), body: 'x'.repeat(200) })),
    services: ['a', 'b'],
  }
  const { value } = present(answer, { untrusted: ['updates'] }, wish())
  expect(sizeOf(value)).toBeLessThanOrEqual(16 * 1024)
  expect(value).toMatchObject({
    id: 'inc_1',
    services: ['a', 'b'],
    untrusted: ['updates'],
    truncated: true,
    truncated_reason: 'max_bytes',
    truncated_lists: [{ field: 'updates', shown: (value.updates as unknown[]).length, total: 500 }],
  })
})

describe('hidden characters', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', 'red', 2],
    ['\u001b]0;title\u0007x', 'x', 1],
    ['a\u202eb\u2066c', 'abc', 2],
    ['z\u200bw\u200dj\ufeff', 'zwj', 3],
    ['\u{e0049}\u{e0067}n', 'n', 2],
    ['a\u0000b\u0085c', 'abc', 2],
    ['tab\tline\nend\r', 'tab\tline\nend\r', 0],
    ['Grüße 日本 😀', 'Grüße 日本 😀', 0],
  ])('of %j go', (given, left, removed) => {
    expect(sanitise(given)).toEqual({ text: left, removed })
  })

  it('never come back by taking others out', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('\u001b', '[', '3', 'm', '\u202e', '\u200b', 'a', '\u{e0041}', '\u0007', ']', ';') }),
        (given) => {
          const { text: once } = sanitise(given)
          expect(sanitise(once)).toEqual({ text: once, removed: 0 })
        },
      ),
    )
  })
})

test('arguments are repaired by the schema only, and never where a string is taken', () => {
  const input = {
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'string' },
      limit: { type: 'integer', maximum: 10 },
      deep: { type: 'boolean' },
      tags: { type: 'array', items: { type: 'string' } },
      when: { type: 'string' },
    },
  }
  expect(repair({ id: '5', limit: '7', deep: 'True', tags: '["a"]', when: null }, input)).toEqual({
    args: { id: '5', limit: 7, deep: true, tags: ['a'] },
    repaired: ['limit', 'deep', 'tags'],
    notices: [],
  })
  expect(repair({ id: 5, tags: 'a', limit: 11 }, input)).toEqual({
    args: { id: '5', tags: ['a'], limit: 10 },
    repaired: ['id', 'tags'],
    notices: ['limit was lowered to 10'],
  })
  expect(repair({ id: null, limit: 'many', other: '1' }, input)).toEqual({
    args: { id: null, limit: 'many', other: '1' },
    repaired: [],
    notices: [],
  })
  expect(Object.keys(repair(JSON.parse('{"__proto__":{"x":1}}') as object as Record<string, unknown>, input).args)).toEqual(['__proto__'])
})

test('no argument leaves its place in the address', () => {
  const tool = {
    method: 'GET',
    path: '/api/v1/monitors/{id}/checks',
    parametersIn: { id: 'path', tag: 'query', idempotency_key: 'header:Idempotency-Key' },
  } as unknown as Tool
  expect(toCall(tool, { id: '../../me/tokens?x=1#', tag: ['a&b', 'c'], other: 1, idempotency_key: 'k' })).toEqual({
    method: 'GET',
    url: '/api/v1/monitors/..%2F..%2Fme%2Ftokens%3Fx%3D1%23/checks?tag=a%26b&tag=c',
    body: null,
    headers: { 'idempotency-key': 'k' },
  })
})
