import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, openHarness, type Harness } from '../harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(() => api.close())
const search = (query: Record<string, string>) => api.app.inject({ url: '/api/v1/logs/search', query, headers: bearer('owner') })
const row = (index: number) => ({
  timestamp_ns: '1769860800123456789',
  observed_ns: '1769860800123456789',
  SeverityText: '',
  SeverityNumber: 17,
  ServiceName: 'cart',
  Body: 'b',
  TraceId: '',
  SpanId: '',
  EventName: '',
  LogAttributes: {},
  ResourceAttributes: {},
  log_id: 'l',
  log_partition: 0,
  log_offset: '7',
  record_index: index,
})

test('a filter is AND-ed to the simple parameters; its values are parameters', async () => {
  api.asked.length = 0
  expect((await search({ filter: 'user.id = "4\'2" OR timeout', service: 'cart' })).statusCode).toBe(200)
  const { sql, params } = api.asked.find((one) => one.name === 'logs.search')!
  expect(sql).toContain('ServiceName = {service:String} AND ((')
  expect(Object.values(params).flat()).toEqual(expect.arrayContaining(['cart', 'user.id', "4'2", 'timeout']))
  expect(sql).not.toContain("4'2")
})

test('a blank filter selects everything; a wrong one is told where, what is expected and what was meant', async () => {
  expect((await search({ filter: ' ' })).statusCode).toBe(200)
  const wrong = await search({ filter: 'service = a AND level = eror' })
  expect([wrong.statusCode, wrong.json()]).toEqual([
    400,
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      error: expect.stringContaining('at 24: found "eror", expected trace or debug'),
      fields: [
        {
          path: 'filter',
          code: 'filter_value',
          message: expect.stringMatching(/./),
          position: 24,
          found: 'eror',
          allowed: expect.arrayContaining(['error']),
          nearest: 'error',
          example: 'service = a AND level = error',
        },
      ],
    }),
  ])
  expect((await search({ filter: 'a '.repeat(3000) })).json()).toMatchObject({ fields: [{ code: 'filter_too_long' }] })
  for (const filter of [
    'service = a AND level = eror',
    `${'x = 1 AND '.repeat(15)}severty >= error`,
    '12:30',
    `"${'ä"(;'.repeat(900)}`,
    'a >= b',
    'a AND',
  ])
    expect(encode((await search({ filter })).body).length, filter).toBeLessThanOrEqual(300)
})

test('a cursor holds for its filter alone, in whatever order the parameters come', async () => {
  api.answer = ({ name }) => (name === 'logs.search' ? [row(2), row(1)] : [])
  const { nextCursor: cursor } = (await search({ filter: 'level = error', service: 'cart', limit: '1' })).json<{ nextCursor: string }>()
  expect((await search({ cursor, limit: '1', service: 'cart', filter: 'level = error' })).statusCode).toBe(200)
  for (const filter of ['level = warn', ''])
    expect((await search({ cursor, limit: '1', service: 'cart', filter })).json()).toMatchObject({ code: 'CURSOR_MISMATCH' })
  api.answer = () => []
})

test('an empty first page says why; a page behind a cursor does not', async () => {
  api.answer = ({ name }) =>
    name === 'logs.newest'
      ? [{ ns: '1769860800000000000' }]
      : name === 'logs.newest_keys'
        ? [{ of_record: ['user.id'], of_resource: [] }]
        : []
  expect((await search({ filter: 'user.idd = 1', from: '2026-01-31T00:00:00Z' })).json()).toMatchObject({
    events: [],
    emptyReason: 'field_unknown',
    unknownFields: [{ field: 'user.idd', nearest: 'user.id' }],
    nearestDataAt: '2026-01-31T12:00:00.000Z',
  })
  expect((await search({ q: 'x', from: '2026-01-31T00:00:00Z' })).json()).toMatchObject({ emptyReason: 'no_match' })
  api.answer = ({ name }) => (name === 'logs.search' ? [row(1)] : [])
  expect((await search({})).json()).not.toHaveProperty('emptyReason')
  api.answer = () => []
})
