// The shell around roll-up and detector: reads partials by position, closes buckets, writes what follows, remembers where it
// was. Everything it writes may be written again; a checkpoint is taken only when all of it has been.
import { setImmediate as breathe } from 'node:timers/promises'
import type { ClickHouse } from '../../clickhouse/client.ts'
import { openAnomalies, recentAnomalies } from '../../clickhouse/queries/anomalies.ts'
import { seenTemplates } from '../../clickhouse/queries/series-points.ts'
import type { LoadRules, RulesOf } from '../../streams/contracts/detection.ts'
import { PermanentError } from '../../streams/contracts/errors.ts'
import type { Lease } from '../../streams/contracts/leases.ts'
import type { SignalSink } from '../../streams/contracts/signals.ts'
import { BUCKET_MS, type Partial } from '../series/rollup.ts'
import { amend } from './amend.ts'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { advance, endSilent, type Advance } from './close-buckets.ts'
import { createIntake } from './intake.ts'
import { createOutbox, type Neighbours } from './outbox.ts'
import { createPartialReader, WHOLE, type Shard } from './read-partials.ts'
import { createSurpriseBytes } from '../anomaly/surprise/bytes.ts'
import { createServices, DEFAULT_BOUNDS, openOf, type Bounds, type ServiceState } from './service-state.ts'
import { createTemplates } from './templates.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
export interface WatchdogConfig {
  readonly zThreshold: number
  readonly cooldownMs: number
  readonly pollMs: number
  readonly bounds?: Bounds
  /** All tenants unless set. */ readonly shard?: Shard
}
export interface WatchdogDeps {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>
  readonly signals: SignalSink
  readonly neighbours: Neighbours
  /** What people said of series, asked at each round. */
  readonly rules: LoadRules
  /** Receive time of the oldest message that no store holds yet, over all partitions; null when there is none. */
  readonly oldestUncommittedReceivedAtMs: () => Promise<number | null>
  readonly clock: () => number
  readonly logger: Log
  /** Under which it works; nobody else does when there is none. */
  readonly lease?: Lease
}
export interface WatchdogStats {
  /** Null before the first run. */
  readonly lastRunAtMs: number | null
  readonly seriesMonitored: number
  readonly anomaliesLastHour: number
  readonly seriesRefused: number
}
export interface Watchdog {
  stats(): WatchdogStats
  /** One round now; rejects when a store did. Rounds never overlap. */
  tick(): Promise<void>
  close(): Promise<void>
  /** Ends where it stands: another has the work. */
  abandon(): void
}

const SLICE_MS = 10
const BUCKETS_PER_STEP = 100
/** Rows that are written in one go while a backlog is worked through. */
const BATCH = 100_000
const MAX_READS = 20
const PAUSED_AFTER_MS = 30_000
const CHECKPOINT_EVERY_MS = 60_000
const COUNT_EVERY_MS = 30_000
const ORPHANED_AFTER_MS = 300_000
const IDLE_MS = 60_000
const FORGET_AFTER_MS = 86_400_000
const HOUR_MS = 3_600_000
/** One a minute: two years of them. */
const GENERATIONS_PER_EPOCH = 1_000_000

/** Above everything that owners of earlier epochs may still write, and not into the slot of the checkpoint that it begins with. */
const firstGeneration = (restored: number, epoch: number): number => {
  const least = Math.max(restored, epoch * GENERATIONS_PER_EPOCH)
  return least % 2 === restored % 2 ? least : least + 1
}

export const startWatchdog = async (config: WatchdogConfig, deps: WatchdogDeps): Promise<Watchdog> => {
  const { clock, logger, lease } = deps
  const shard = config.shard ?? WHOLE
  let abandoned = false
  const clickhouse: WatchdogDeps['clickhouse'] = {
    ...deps.clickhouse,
    insertRows: async (insert) => {
      // Whoever stood still while another took over must not go on writing.
      if (abandoned || lease?.isHeld() === false) throw new PermanentError('FENCED', 'another has the watchdog of these tenants')
      await deps.clickhouse.insertRows(insert)
    },
  }
  const detector = { zThreshold: config.zThreshold, cooldownMs: config.cooldownMs }
  const surpriseBytes = createSurpriseBytes()
  const services = createServices(config.bounds ?? DEFAULT_BOUNDS)
  const templates = createTemplates()
  const outbox = createOutbox({ ...deps, clickhouse })
  const intake = createIntake(services)
  const part = { shard: shard.index, shards: shard.of }
  const restored = await loadCheckpoint(clickhouse, shard, surpriseBytes)
  for (const state of restored.services) services.restore(state)
  for (const row of await clickhouse.query(seenTemplates, part))
    templates.load(row.tenant, row.service, row.template, row.first_bucket * 1000)
  let orphans = await clickhouse.query(openAnomalies, part)
  const reader = createPartialReader(clickhouse, restored.cursors, shard)

  const nextBucket = (ms: number): number => Math.ceil(ms / BUCKET_MS) * BUCKET_MS
  const startedAtMs = clock()
  let generation = firstGeneration(restored.generation, lease?.epoch ?? 0)
  let ranSinceMs = nextBucket(startedAtMs)
  let lastTickMs = startedAtMs
  let checkpointAtMs = startedAtMs
  let countedAtMs = -Infinity
  let anomaliesLastHour = 0
  let lastRunAtMs: number | null = null

  const countNew = (tenant: string, service: string, seen: readonly string[], bucketMs: number): number =>
    templates.countNew(tenant, service, seen, bucketMs, outbox.seen)
  const effects: Advance['effects'] = {
    point: outbox.point,
    resolved: outbox.resolved,
    opened: (opening) => {
      outbox.opened(opening)
      countedAtMs = -Infinity
    },
    countNewTemplates: (state, bucket) => countNew(state.tenant, state.service, bucket.templates, bucket.bucketMs),
  }

  const takePartials =
    (nowMs: number) =>
    async (partials: readonly Partial[]): Promise<void> => {
      let sliceEndMs = performance.now() + SLICE_MS
      for (const partial of partials) {
        intake.take(partial, nowMs)
        if (performance.now() < sliceEndMs) continue
        await breathe()
        sliceEndMs = performance.now() + SLICE_MS
      }
    }
  /** True when everything that was stored when it began has been taken in. */
  const takeIn = async (nowMs: number): Promise<boolean> => {
    for (let reads = 0; reads < MAX_READS; reads++) if (!(await reader.read(nowMs, takePartials(nowMs)))) return true
    return false
  }
  /** True when it stopped because there is enough to write at once. */
  const closeBuckets = async (nowMs: number, uncommittedMs: number | null, rules: RulesOf): Promise<boolean> => {
    let sliceEndMs = performance.now() + SLICE_MS
    intake.measureFronts()
    for (const state of services.all()) {
      const context: Advance = {
        clock: { nowMs, uncommittedMs },
        ranSinceMs,
        detector,
        surpriseBytes,
        rules,
        tenant: intake.tenant(state.tenant),
        effects,
      }
      let more = true
      while (more && outbox.waiting() < BATCH) {
        more = advance(state, context, BUCKETS_PER_STEP)
        if (performance.now() < sliceEndMs) continue
        await breathe()
        sliceEndMs = performance.now() + SLICE_MS
      }
      const idleMs = nowMs - state.lastPartialAtMs
      if (idleMs > IDLE_MS && state.pending.size === 0) endSilent(state, nowMs, context)
      if (idleMs > FORGET_AFTER_MS && state.pending.size === 0) services.forget(state)
    }
    return outbox.waiting() >= BATCH
  }
  /** Closes on while rows are being written; signals wait for the end of the round, so that they come in order of time. */
  const catchUp = async (nowMs: number, uncommittedMs: number | null): Promise<void> => {
    let writing: Promise<void> = Promise.resolve()
    const rules = await deps.rules()
    try {
      while (await closeBuckets(nowMs, uncommittedMs, rules)) {
        await writing
        writing = outbox.flushRows()
        // Its failure is met at the next wait.
        writing.catch(() => {})
      }
    } finally {
      await writing
    }
  }
  const amendLate = async (nowMs: number): Promise<void> => {
    if (intake.late.size === 0) return
    const taken = [...intake.late]
    for (const point of await amend(
      clickhouse,
      taken.map(([, late]) => late),
      nowMs,
      countNew,
    ))
      outbox.point(point)
    for (const [key] of taken) intake.late.delete(key)
  }
  /** Anomalies that an earlier run left open and that no series of this one goes on with. */
  const endOrphans = (nowMs: number): void => {
    if (orphans.length === 0 || nowMs - startedAtMs < ORPHANED_AFTER_MS) return
    const open = new Set([...services.all()].flatMap((state) => openOf(state)))
    for (const { tenant, anomaly_id: id } of orphans) if (!open.has(id)) outbox.ended({ tenant, id, atMs: nowMs })
    orphans = []
  }
  const checkpoint = async (nowMs: number): Promise<void> => {
    if (outbox.size() > 0 || intake.late.size > 0) return
    const all: ServiceState[] = [...services.all()]
    generation++
    await saveCheckpoint(clickhouse, shard, { generation, cursors: reader.cursors(), services: all })
    checkpointAtMs = nowMs
  }
  const count = async (nowMs: number): Promise<void> => {
    if (nowMs - countedAtMs < COUNT_EVERY_MS) return
    const [row] = await clickhouse.query(recentAnomalies, { ...part, sinceMs: nowMs - HOUR_MS })
    anomaliesLastHour = Number(row?.total ?? 0)
    countedAtMs = nowMs
  }
  const round = async (): Promise<void> => {
    const nowMs = clock()
    // Nobody watched while this process stood still.
    if (nowMs - lastTickMs > PAUSED_AFTER_MS) ranSinceMs = nextBucket(nowMs)
    lastTickMs = nowMs
    if (outbox.size() > 0) await outbox.flush()
    // Asked before reading: what is stored by now is then read for certain.
    const uncommittedMs = await deps.oldestUncommittedReceivedAtMs()
    if (await takeIn(nowMs)) await catchUp(nowMs, uncommittedMs)
    endOrphans(nowMs)
    await amendLate(nowMs)
    await outbox.flush()
    await count(nowMs)
    if (nowMs - checkpointAtMs >= CHECKPOINT_EVERY_MS) await checkpoint(nowMs)
    lastRunAtMs = nowMs
  }

  let closed = false
  let running: Promise<void> = Promise.resolve()
  const tick = (): Promise<void> => {
    const next = running.then(round, round)
    running = next
    next.catch(() => {})
    return next
  }
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    if (closed) return
    timer = setTimeout(() => {
      tick()
        .catch((error: unknown) => {
          logger.warn({ err: error }, 'watchdog round failed')
        })
        .finally(schedule)
    }, config.pollMs)
  }
  schedule()
  logger.info({ services: restored.services.length, generation, openAnomalies: orphans.length }, 'watchdog started')

  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    clearTimeout(timer)
    await running.catch(() => {})
    try {
      await outbox.flush()
      await checkpoint(clock())
    } catch (error) {
      // The last checkpoint stands; what came after it is read and decided again.
      logger.warn({ err: error }, 'watchdog closed without a checkpoint')
    }
  }
  const abandon = (): void => {
    abandoned = true
    closed = true
    clearTimeout(timer)
  }
  return {
    tick,
    close,
    abandon,
    stats: () => ({ lastRunAtMs, seriesMonitored: services.size(), anomaliesLastHour, seriesRefused: services.refused() }),
  }
}
