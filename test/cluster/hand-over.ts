// What a worker had is another's within 15 s, whether it was killed or stands still, and under load nothing is lost or doubled by it.
import { until } from '../../bench/load/product.ts'
import { compare, drainedStatus, pause, startLoad } from '../kill/attempts.ts'
import type { Cluster } from './cluster.ts'
import type { Member } from './members.ts'

export interface HandOver {
  readonly how: string
  readonly seconds: number
  readonly broken: readonly string[]
}

const WITHIN_MS = 15_000
const GIVE_UP_MS = 60_000
const OWNED = ['consumer_assigned_partitions', 'watchdog_shards'] as const

/** Partitions of the event log and shards of the watchdog that a process says it has. */
const ownedBy = async ({ admin }: Member): Promise<readonly number[]> => {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return OWNED.map((name) => Number(new RegExp(`^lapwing_${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0))
}
const ownedByAll = async (workers: readonly Member[]): Promise<readonly number[]> => {
  const each = await Promise.all(workers.map(ownedBy))
  return OWNED.map((_, n) => each.reduce((sum, one) => sum + one[n], 0))
}

const handOver = async (cluster: Cluster, how: string, halt: (gone: Member) => Promise<() => Promise<unknown>>): Promise<HandOver> => {
  const workers = cluster.of('worker')
  const [gone, ...left] = workers
  // Even counts of both for two workers; what one has let go of and the other has not taken yet is nobody's for a moment.
  await until('both workers have their share', GIVE_UP_MS, async () => {
    const [mine, theirs] = await Promise.all(workers.map(ownedBy))
    return mine.every((count) => count > 0) && String(mine) === String(theirs)
  })
  const all = String(await ownedByAll(workers))
  const run = `hand over ${how}`
  const load = startLoad({
    run,
    token: cluster.token,
    addresses: cluster.of('ingest').map(({ otlp }) => otlp),
    firstAttempt: 0,
    everyMs: 20,
  })
  await pause(1000)
  let goOn: (() => Promise<unknown>) | null = null
  let ms = Number.POSITIVE_INFINITY
  try {
    goOn = await halt(gone)
    const haltedAt = performance.now()
    await until(`${left[0].name} has everything`, GIVE_UP_MS, async () => String(await ownedByAll(left)) === all, 200)
    ms = performance.now() - haltedAt
  } catch (error) {
    console.log(String(error))
  }
  await goOn?.()
  await until(`${gone.name} has work again`, GIVE_UP_MS, async () => (await ownedBy(gone)).every((count) => count > 0)).catch(String)
  await load.stop()
  const stoppedAtMs = Date.now()
  await until('everything is worked off', GIVE_UP_MS, () => drainedStatus(cluster.api, stoppedAtMs))
  const { faults } = await compare(cluster.select, run, load.acknowledged)
  return { how, seconds: ms / 1000, broken: ms <= WITHIN_MS ? faults : [`it took ${Math.round(ms)} ms, not ${WITHIN_MS}`, ...faults] }
}

export const handOverWork = async (cluster: Cluster): Promise<readonly HandOver[]> => [
  await handOver(cluster, 'kill -9', async (gone) => {
    gone.kill('SIGKILL')
    await gone.exited()
    return () => gone.start()
  }),
  await handOver(cluster, 'SIGSTOP', async (gone) => {
    gone.kill('SIGSTOP')
    return async () => gone.kill('SIGCONT')
  }),
]
