// The watchdog's work shared out by tenant: each shard has one owner at a time, by a lease, and a watchdog of its own there. Every process
// takes its share of what is free and lets go of what is more; a shard whose lease has ended is abandoned where it stands, and its new
// owner goes on from the last checkpoint.
import { PermanentError } from '../../streams/contracts/errors.ts'
import type { Lease, Leases } from '../../streams/contracts/leases.ts'
import { startRepeating } from '../../streams/contracts/repeat.ts'
import type { SignalSink } from '../../streams/contracts/signals.ts'
import { startWatchdog, type Log, type Watchdog, type WatchdogConfig, type WatchdogDeps, type WatchdogStats } from './watchdog.ts'

export interface ShardsConfig extends WatchdogConfig {
  readonly shards: number
  readonly renewEveryMs?: number
}
export interface ShardsDeps extends Omit<WatchdogDeps, 'lease'> {
  readonly leases: Leases
  /** Processes that share the work, this one included. */
  readonly sharers: () => Promise<number>
}
export interface WatchdogShards {
  /** Summed over the shards that are ours. */
  stats(): WatchdogStats & { readonly shards: number }
  close(): Promise<void>
}

interface Held {
  lease: Lease
  readonly watchdog: Promise<Watchdog>
}

const RENEW_EVERY_MS = 2500

/** A lease that is prolonged behind the back of who works under it. */
const follow = (held: { readonly lease: Lease }): Lease => ({
  get name() {
    return held.lease.name
  },
  get epoch() {
    return held.lease.epoch
  },
  isHeld: () => held.lease.isHeld(),
  guard: (work) => held.lease.guard(work),
})
const guarded = (signals: SignalSink, lease: Lease): SignalSink => ({
  opened: (signal) => lease.guard(() => signals.opened(signal)),
  resolved: (signal) => lease.guard(() => signals.resolved(signal)),
})

export const startWatchdogShards = (config: ShardsConfig, deps: ShardsDeps): WatchdogShards => {
  const { leases } = deps
  const logger: Log = deps.logger
  const held = new Map<number, Held>()
  const nameOf = (shard: number): string => `watchdog ${shard} of ${config.shards}`

  const begin = (shard: number, lease: Lease): void => {
    const one: { lease: Lease } = { lease }
    const following = follow(one)
    const watchdog = startWatchdog(
      { ...config, shard: { index: shard, of: config.shards } },
      { ...deps, lease: following, signals: guarded(deps.signals, following) },
    )
    held.set(shard, Object.assign(one, { watchdog }))
    watchdog.catch((error: unknown) => {
      logger.warn({ error: String(error), shard }, 'a shard of the watchdog did not start')
      held.delete(shard)
      leases.release(lease).catch(() => undefined)
    })
  }
  const drop = async (shard: number, how: 'finish' | 'abandon'): Promise<void> => {
    const one = held.get(shard)
    if (one === undefined) return
    held.delete(shard)
    const watchdog = await one.watchdog.catch(() => null)
    if (how === 'abandon') watchdog?.abandon()
    else {
      await watchdog?.close()
      await leases.release(one.lease)
    }
  }
  /** Prolonged under the same epoch, or it was another's in between. */
  const renew = async (shard: number, one: Held): Promise<void> => {
    const lease = await leases.claim(nameOf(shard))
    if (lease !== null && lease.epoch === one.lease.epoch) one.lease = lease
    else {
      logger.warn({ shard }, 'a shard of the watchdog has another owner')
      await drop(shard, 'abandon')
      if (lease !== null) begin(shard, lease)
    }
  }
  const renewOrDrop = async (shard: number, one: Held): Promise<void> => {
    try {
      await renew(shard, one)
    } catch (error) {
      if (one.lease.isHeld()) throw error
      await drop(shard, 'abandon')
    }
  }
  const round = async (): Promise<void> => {
    // Side by side: behind a store that answers late the last of many would end before its turn.
    const renewed = await Promise.allSettled([...held].map(([shard, one]) => renewOrDrop(shard, one)))
    for (const one of renewed) if (one.status === 'rejected') throw one.reason
    const share = Math.ceil(config.shards / Math.max(1, await deps.sharers()))
    // One at a time: a shard that is let go is taken by another before the next.
    if (held.size > share) await drop([...held.keys()].at(-1)!, 'finish')
    for (let shard = 0; shard < config.shards && held.size < share; shard++) {
      if (held.has(shard)) continue
      const lease = await leases.claim(nameOf(shard))
      if (lease !== null) begin(shard, lease)
    }
  }

  const rounds = startRepeating(round, { everyMs: config.renewEveryMs ?? RENEW_EVERY_MS }, (error) =>
    logger.warn({ error: error instanceof PermanentError ? error.message : String(error) }, 'leases of the watchdog not renewed'),
  )
  const settled = new Map<number, Watchdog>()
  const watchdogs = (): Watchdog[] => {
    for (const [shard, { watchdog }] of held)
      watchdog.then(
        (one) => settled.set(shard, one),
        () => undefined,
      )
    for (const shard of settled.keys()) if (!held.has(shard)) settled.delete(shard)
    return [...settled.values()]
  }
  return {
    stats: () => {
      const all = watchdogs().map((one) => one.stats())
      const runs = all.map(({ lastRunAtMs }) => lastRunAtMs)
      return {
        shards: held.size,
        // The one that is furthest behind tells for all.
        lastRunAtMs: runs.length === 0 || runs.includes(null) ? null : Math.min(...(runs as number[])),
        seriesMonitored: all.reduce((sum, one) => sum + one.seriesMonitored, 0),
        anomaliesLastHour: all.reduce((sum, one) => sum + one.anomaliesLastHour, 0),
        seriesRefused: all.reduce((sum, one) => sum + one.seriesRefused, 0),
      }
    },
    close: async () => {
      await rounds.close()
      await Promise.all([...held.keys()].map((shard) => drop(shard, 'finish')))
    },
  }
}
