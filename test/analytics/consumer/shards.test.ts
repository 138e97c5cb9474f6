// A store of several shards: a range is sent to the shard that is recorded with it, before it is sent and however many there are later;
// and what the store acknowledges is not asked for again, because a replica that is behind would deny it.
import { expect, it } from 'vitest'
import { createMemoryLog, envelopeOf, type MemoryLog } from './memory-log.ts'
import { createSinkStore, type SinkStore } from './sink.ts'
import { startAndClose } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const start = startAndClose()
const fill = (count: number): MemoryLog => {
  const log = createMemoryLog()
  for (let at = 0; at < count; at += 1) log.put(0, envelopeOf('otlp_logs', T0 + at))
  return log
}
interface ShardedStore extends SinkStore {
  readonly went: { token: string; shard: number | null | undefined }[]
  readonly asked: string[]
}
const createShardedStore = (shard: number): ShardedStore => {
  const sink = createSinkStore()
  const { insert, query } = sink
  const sharded: ShardedStore = Object.assign(sink, {
    went: [] as ShardedStore['went'],
    asked: [] as string[],
    shardOf: () => shard,
    insert: async (request: Parameters<SinkStore['insert']>[0]) => {
      sharded.went.push({ token: request.token, shard: request.shard })
      await insert(request)
    },
    query: async (...args: Parameters<SinkStore['query']>) => {
      sharded.asked.push(args[0].name)
      // A replica that knows of nothing yet.
      return args[0].name.startsWith('range_present') ? [] : await query(...args)
    },
  }) as ShardedStore
  return sharded
}

it('the shard of a new range is recorded before its INSERT is sent there', async () => {
  const store = createShardedStore(2)
  const log = fill(3)
  await start(log, { store }).consumer.idle()
  expect(store.went.length).toBeGreaterThan(0)
  expect(store.went.every(({ shard }) => shard === 2)).toBe(true)
  expect(log.commits.flatMap(({ state }) => state.open).every(({ shard }) => shard === 2)).toBe(true)
})

it('a recorded range is replayed to its shard, though new ones go to another by now', async () => {
  const store = createShardedStore(2)
  const log = fill(5)
  await log.commit('analytics', 0, { offset: 0, open: [{ first: 0, last: 2, shard: 1 }], note: '' })
  await start(log, { store }).consumer.idle()
  expect(new Set(store.went.filter(({ token }) => token.endsWith(':0-2')).map(({ shard }) => shard))).toEqual(new Set([1]))
  expect(new Set(store.went.filter(({ token }) => !token.endsWith(':0-2')).map(({ shard }) => shard))).toEqual(new Set([2]))
})

it('one that was recorded for one server keeps the shard that it gets', async () => {
  const store = createShardedStore(2)
  const log = fill(3)
  await log.commit('analytics', 0, { offset: 0, open: [{ first: 0, last: 2 }], note: '' })
  await start(log, { store }).consumer.idle()
  expect(log.commits.slice(1).flatMap(({ state }) => state.open)).toContainEqual({ first: 0, last: 2, shard: 2 })
})

it.each(['lost', 'down', 'late'] as const)(
  'after a send that was %s the same token is sent, and no other though a replica denies the range',
  async (fate) => {
    const store = createShardedStore(1)
    store.fates.otel_logs = [fate, 'ok']
    await start(fill(3), { store }).consumer.idle()
    expect(store.stored('otel_logs')).toEqual([0, 1, 2])
    expect(store.sends.filter(({ table }) => table === 'otel_logs').every(({ token }) => /:\d+-\d+$/.test(token))).toBe(true)
    expect(store.asked).not.toContain('range_present_logs')
  },
)
