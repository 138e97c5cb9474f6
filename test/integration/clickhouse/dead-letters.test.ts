// What was set aside, written as the consumer writes it and read as the API does, in a real store.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DEAD_LETTERS_TABLE, toDeadLetterRow, toSetAside } from '../../../analytics/dead-letters.ts'
import { createDeadLetters } from '../../../api/services/dead-letters.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { openTestStore, type TestStore } from './store.ts'

const NOW = Date.now()
const LOG = 'e'.repeat(32)
const WHOLE = { fromMs: NOW - 100_000, toMs: NOW, reason: '' }
let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await store.clickhouse.command('SYSTEM STOP MERGES dead_letters')
  const write = (offset: number, tenant: string, body: Uint8Array, reason: 'malformed' | 'worker_died'): Promise<void> =>
    store.clickhouse.insertRows({
      table: DEAD_LETTERS_TABLE,
      rows: [
        toDeadLetterRow(
          LOG,
          toSetAside(
            1,
            { offset, envelope: createEnvelope({ tenant, receivedAtMs: NOW - 1000, compression: 'zstd', recordCount: 5 }), body },
            { offset, reason, detail: 'why' },
          ),
        ),
      ],
    })
  for (let offset = 0; offset < 5; offset += 1)
    await write(offset, 'a', Buffer.from(`body ${offset}`), offset === 3 ? 'worker_died' : 'malformed')
  await write(2, 'a', Buffer.from('body 2'), 'malformed')
  await write(9, 'b', Buffer.alloc(70_000, 1), 'malformed')
})
afterAll(() => store.dispose())

it('pages through all of them once, although one was written twice and all have one receive time', async () => {
  const { list } = createDeadLetters(store.clickhouse)
  const seen: string[] = []
  for (let after: Parameters<typeof list>[2] = null; ;) {
    const page = await list({ tenant: 'a', ...WHOLE }, 2, after)
    seen.push(...page.deadLetters.map(({ id }) => Buffer.from(id, 'base64url').toString()))
    if (page.next === null) break
    after = page.next
  }
  expect(seen).toEqual([4, 3, 2, 1, 0].map((offset) => `${LOG}:1:${offset}`))
})

it('filters by reason, time and tenant', async () => {
  const { list, get } = createDeadLetters(store.clickhouse)
  const {
    deadLetters: [died, ...others],
  } = await list({ tenant: 'a', ...WHOLE, reason: 'worker_died' }, 10, null)
  expect(others).toEqual([])
  expect(died).toMatchObject({
    reason: 'worker_died',
    detail: 'why',
    receivedAt: new Date(NOW - 1000).toISOString(),
    format: 'protobuf',
    compression: 'zstd',
    records: 5,
    bodyBytes: 6,
  })
  expect((await list({ tenant: 'a', ...WHOLE, toMs: NOW - 1001 }, 10, null)).deadLetters).toEqual([])
  expect(await get('b', died.id)).toBeNull()
  expect(await get('a', died.id)).toMatchObject({ bodyBase64: Buffer.from('body 3').toString('base64'), bodyTruncated: false })
})

it('shows the first 64 KiB of a body and says how long it is', async () => {
  const deadLetters = createDeadLetters(store.clickhouse)
  const {
    deadLetters: [large],
  } = await deadLetters.list({ tenant: 'b', ...WHOLE }, 10, null)
  const whole = await deadLetters.get('b', large.id)
  expect(whole).toMatchObject({ bodyBytes: 70_000, bodyTruncated: true })
  expect(Buffer.from(whole!.bodyBase64, 'base64')).toHaveLength(65_536)
})

it('a row of an earlier version still says how long its body is', async () => {
  await store.clickhouse.command(
    "INSERT INTO dead_letters (log_id, log_partition, log_offset, tenant, signal, reason, received_at, body) VALUES ('old', 0, 1, 'old', 'otlp_logs', 'no records in x', now64(3), 'YWJj')",
  )
  const {
    deadLetters: [old],
  } = await createDeadLetters(store.clickhouse).list({ tenant: 'old', ...WHOLE, toMs: NOW + 600_000 }, 10, null)
  expect(old).toMatchObject({ reason: 'no records in x', meaning: 'Set aside by another version of Lapwing.', bodyBytes: 3, detail: '' })
})
