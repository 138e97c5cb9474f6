// A dead letter put back: kept as the consumer keeps it in a real store, marked in a control plane, and appended once whatever goes wrong.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { DEAD_LETTERS_TABLE, toDeadLetterRow, toSetAside } from '../../analytics/dead-letters.ts'
import { createDeadLetterReplay, type DeadLetterReplay } from '../../api/services/dead-letter-replay.ts'
import { createPutBack } from '../../process/put-back.ts'
import type { NewMessage } from '../../streams/contracts/event-log.ts'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { partitionOf } from '../../streams/partition.ts'
import { actorOf, openTestStore as openControlPlane, type TestStore as ControlPlane } from '../api/services/open-test-store.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { openTestStore, type TestStore } from './clickhouse/store.ts'

const NOW = Date.now()
const LOG = 'd'.repeat(32)
const actor = actorOf('acme')
const idOf = (offset: number): string => Buffer.from(`${LOG}:5:${offset}`).toString('base64url')
const large = randomBytes(3_000_000)
const envelope = createEnvelope({
  tenant: 'acme',
  signal: 'json_logs',
  format: 'ndjson',
  compression: 'zstd',
  receivedAtMs: NOW - 86_400_000,
  recordCount: 9,
  rejected: [2, 7],
  tokenId: 't9',
  inflatedBytes: 77,
  expandedBytes: 99,
})

let clickhouse: TestStore
let plane: ControlPlane
let replay: DeadLetterReplay
let appended: NewMessage[]
let fails: (() => Promise<never>) | null
const keep = (offset: number, more: { envelope?: typeof envelope; body?: Uint8Array } = {}): Promise<void> =>
  clickhouse.clickhouse.insertRows({
    table: DEAD_LETTERS_TABLE,
    rows: [
      toDeadLetterRow(
        LOG,
        toSetAside(
          5,
          { offset, envelope: more.envelope ?? envelope, body: more.body ?? Buffer.from(`body ${offset}`) },
          { offset, reason: 'decode_failed' },
        ),
      ),
    ],
  })
const ask = (offset: number, more: { again?: boolean; dryRun?: boolean; tenant?: string } = {}) =>
  replay.replay({ tenant: 'acme', id: idOf(offset), again: false, dryRun: false, ...more }, actor)
const trail = async (offset: number): Promise<string[]> =>
  (
    await plane.store.query<{ action: string }>('SELECT action FROM audit_log WHERE resource = $1 ORDER BY id', [
      `dead_letter:${idOf(offset)}`,
    ])
  ).map(({ action }) => action)

beforeAll(async () => {
  ;[clickhouse, plane] = await Promise.all([openTestStore(), openControlPlane(['acme'])])
  const append = async (message: NewMessage) => {
    if (fails !== null) await fails()
    appended.push(message)
    return { partition: message.partition, offset: 100 + appended.length }
  }
  replay = createDeadLetterReplay({
    store: plane.store,
    clickhouse: clickhouse.clickhouse,
    putBack: createPutBack({ append, partitions: 4 }),
    clock: () => NOW,
  })
})
afterAll(async () => {
  await Promise.all([clickhouse.dispose(), plane.close()])
})
beforeEach(() => {
  appended = []
  fails = null
})

it('is put back byte for byte, as it was received, once; and told of in the audit trail', async () => {
  await keep(1, { body: large })
  expect(await ask(1, { dryRun: true })).toEqual({ outcome: 'would_be_replayed' })
  expect([appended, await trail(1)]).toEqual([[], []])
  expect(await ask(1)).toEqual({ outcome: 'replayed', position: '1:101' })
  expect(appended).toEqual([{ partition: 1, envelope, body: expect.anything() }])
  expect(Buffer.compare(appended[0].body, large)).toBe(0)
  for (const dryRun of [true, false])
    expect(await ask(1, { dryRun })).toEqual({ outcome: 'already_replayed', at: new Date(NOW).toISOString(), position: '1:101' })
  expect(appended).toHaveLength(1)
  expect(await ask(1, { again: true, dryRun: true })).toEqual({ outcome: 'would_be_replayed' })
  expect(await ask(1, { again: true })).toEqual({ outcome: 'replayed', position: '1:102' })
  expect(await trail(1)).toEqual(['REPLAY_DEAD_LETTER', 'REPLAY_DEAD_LETTER'])
  expect(await replay.replayedAt('acme', [idOf(1), idOf(9)])).toEqual(new Map([[idOf(1), new Date(NOW).toISOString()]]))
})

it('is put back by one of many that ask at once', async () => {
  await keep(2)
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => ask(2)))
  expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual([...Array.from({ length: 5 }, () => 'already_replayed'), 'replayed'])
  expect(appended).toHaveLength(1)
})

it('may be asked for again when the log surely did not take it, and not when nobody knows', async () => {
  await keep(3)
  for (const error of [new TransientError('LOG_FULL', 'full', 1000), new PermanentError('MESSAGE_TOO_LARGE', 'large')]) {
    fails = () => Promise.reject(error)
    await expect(ask(3)).rejects.toThrow(error.message)
  }
  fails = () => Promise.reject(new TransientError('LOG_IO', 'no answer', 1000))
  await expect(ask(3)).rejects.toThrow('no answer')
  fails = null
  expect(await ask(3)).toEqual({ outcome: 'already_replayed', at: new Date(NOW).toISOString(), position: null })
  expect(appended).toEqual([])
  expect(await trail(3)).toEqual([
    ...Array.from({ length: 2 }, () => ['REPLAY_DEAD_LETTER', 'REPLAY_DEAD_LETTER_FAILED']).flat(),
    'REPLAY_DEAD_LETTER',
  ])
})

it('goes where its like goes: alerts to the partition of their tenant', async () => {
  await keep(4, { envelope: createEnvelope({ tenant: 'acme', signal: 'alertmanager', format: 'json', receivedAtMs: NOW }) })
  expect((await ask(4)).outcome).toBe('replayed')
  expect(appended[0].partition).toBe(partitionOf('acme', 4))
})

it('is nobody else’s, and is not put back when an earlier version kept a part of it', async () => {
  await keep(6)
  expect(await ask(6, { tenant: 'globex' })).toEqual({ outcome: 'not_found' })
  expect(await ask(7)).toEqual({ outcome: 'not_found' })
  await clickhouse.clickhouse.command(
    `INSERT INTO dead_letters (log_id, log_partition, log_offset, tenant, signal, reason, received_at, body) VALUES ('${LOG}', 5, 8, 'acme', 'otlp_logs', 'malformed', now64(3), 'YWJj')`,
  )
  expect(await ask(8)).toEqual({ outcome: 'not_whole' })
  expect(appended).toEqual([])
})
