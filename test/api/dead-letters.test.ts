// What was set aside, as the API shows it: by page, by reason, one with its body, and nobody else's.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { DEAD_LETTER_REASONS } from '../../streams/contracts/dead-letters.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})
beforeEach(() => {
  api.asked.length = 0
  api.answer = () => []
})

const LOG = 'f'.repeat(32)
const row = (offset: number, more = {}) => ({
  log_id: LOG,
  log_partition: 1,
  log_offset: String(offset),
  signal: 'otlp_logs',
  reason: 'malformed',
  detail: 'field 3 ends early',
  received_at_ms: String(NOW - 1000 * offset),
  format: 'protobuf',
  compression: 'gzip',
  records: 7,
  body_bytes: '3',
  ...more,
})
const idOf = (offset: number): string => Buffer.from(`${LOG}:1:${offset}`).toString('base64url')
const get = (url: string, who = 'owner') => api.app.inject({ url: `/api/v1/dead-letters${url}`, headers: bearer(who) })

test('a dead letter says what it is, why it is one and what that means', async () => {
  api.answer = () => [row(4)]
  expect((await get('')).json()).toEqual({
    deadLetters: [
      {
        id: idOf(4),
        receivedAt: new Date(NOW - 4000).toISOString(),
        signal: 'otlp_logs',
        reason: 'malformed',
        meaning: DEAD_LETTER_REASONS.malformed,
        detail: 'field 3 ends early',
        format: 'protobuf',
        compression: 'gzip',
        records: 7,
        bodyBytes: 3,
      },
    ],
  })
})

test('pages go on behind the last one shown, within the range of the first', async () => {
  api.answer = () => [row(1), row(2), row(3)]
  const first = (await get('?limit=2&reason=malformed')).json<{ deadLetters: { id: string }[]; nextCursor: string }>()
  expect(first.deadLetters.map(({ id }) => id)).toEqual([idOf(1), idOf(2)])
  api.nowMs = NOW + 60_000
  api.answer = () => [row(3)]
  const second = (await get(`?limit=2&reason=malformed&cursor=${encodeURIComponent(first.nextCursor)}`)).json<{
    deadLetters: { id: string }[]
    nextCursor?: string
  }>()
  api.nowMs = NOW
  expect(second.deadLetters.map(({ id }) => id)).toEqual([idOf(3)])
  expect(second.nextCursor).toBeUndefined()
  const [one, two] = api.asked
  expect(one.params).toMatchObject({ tenant: 'a', reason: 'malformed', limit: 3, toMs: String(NOW) })
  expect(two.params).toEqual({ ...one.params, afterMs: String(NOW - 2000), afterLog: LOG, afterPartition: 1, afterOffset: '2' })
  expect((await get(`?limit=2&cursor=${encodeURIComponent(first.nextCursor)}`)).json()).toMatchObject({ code: 'CURSOR_MISMATCH' })
})

test('one is read with its body, and says whether it is whole', async () => {
  api.answer = () => [row(4, { body: Buffer.from('abc').toString('base64') })]
  expect((await get(`/${idOf(4)}`)).json()).toMatchObject({
    id: idOf(4),
    bodyBase64: 'YWJj',
    bodyTruncated: false,
    bodyBytes: 3,
    meaning: DEAD_LETTER_REASONS.malformed,
  })
  expect(api.asked[0].params).toMatchObject({ tenant: 'a', logId: LOG, partition: '1', offset: '4' })
  api.answer = () => [row(4, { body: Buffer.alloc(65_536).toString('base64'), body_bytes: '70000' })]
  expect((await get(`/${idOf(4)}`)).json()).toMatchObject({ bodyTruncated: true, bodyBytes: 70_000 })
})

test('another tenant’s, and what is no id, is not found; the tenant is that of the token', async () => {
  for (const id of [idOf(9), 'x', '%20', Buffer.from(`${LOG}:70000:1`).toString('base64url')])
    expect((await get(`/${id}`, 'other')).json()).toMatchObject({ code: 'NOT_FOUND' })
  await get('', 'other')
  expect(api.asked.map((one) => one.params.tenant)).toEqual(['b', 'b'])
})

test('a viewer is refused, and so is a reason that is none', async () => {
  expect((await get('', 'viewer')).json()).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  expect((await get(`/${idOf(1)}`, 'viewer')).json()).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  expect((await get('?reason=bored')).json()).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path: 'reason' }] })
})
