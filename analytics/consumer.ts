// The consumer of the event log: the partitions that its group gives to it, exactly once in effect, with bounded memory. When
// the store or the control plane is away it retries for ever, reads no further and commits nothing.
import type { ControlPlane } from '../streams/contracts/control-plane.ts'
import type { Assignment } from '../streams/contracts/consumer-group.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import type { EffectPorts } from './alert-effects.ts'
import { createByteBudget } from './byte-budget.ts'
import type { DecodePort } from './decode-range.ts'
import type { Failing } from './failing.ts'
import { createFailingParts } from './failing.ts'
import type { InsertPorts } from './insert-range.ts'
import type { PartitionConsumer } from './partition-consumer.ts'
import { createPartitionConsumer } from './partition-consumer.ts'
import { expireAlerts } from './range-effects.ts'
import { createGroupProgress } from './progress.ts'
import type { Range, RangeLimits } from './ranges.ts'
import { lingerMsFor, RANGE_LIMITS } from './ranges.ts'
import { createAlertReader } from './read-alerts.ts'
import type { Log, Retry } from './retry.ts'
import { closedError, pause, untilDone } from './retry.ts'
import type { AlertReader } from './signals.ts'
import type { StoredRange, StorePorts } from './store-range.ts'

export interface ConsumerConfig {
  readonly retentionMs: number
  /** Event times further ahead of the receive time are stored at receive time. 24 h unless set. */
  readonly maxAheadMs?: number
  readonly group?: string
  /** By partitions unless set, so that the process sends at most four ranges a second. */
  readonly lingerMs?: number
  readonly limits?: Partial<RangeLimits>
  /** Expanded bytes of all ranges at work. 80 MiB unless set: one is decoded while another is inserted. */
  readonly maxInFlightBytes?: number
  readonly readMaxBytes?: number
  readonly retryMinMs?: number
  readonly retryMaxMs?: number
  /** How long what is at work may take once its partition is lost, before it is left to the next owner; 5 s unless set. */
  readonly handOverMs?: number
  /** Inflated size of an alert body at most. */
  readonly maxAlertBytes?: number
}

export interface ConsumerDeps {
  readonly log: Pick<EventLog, 'logId' | 'partitions' | 'join' | 'state' | 'setAside' | 'lag'>
  readonly pool: DecodePort
  /** Decodes in a process of its own, for ranges that processes died of. */
  readonly child: DecodePort
  readonly clickhouse: InsertPorts
  readonly controlPlane: ControlPlane
  readonly clock: () => number
  readonly logger: Log
  readonly neighbours?: EffectPorts['neighbours']
  readonly readAlerts?: AlertReader
}

export interface PartitionProgress {
  readonly partition: number
  /** Receive time up to which everything is consumed and committed, by the newest mark; null before the first. */
  readonly markReceivedAtMs: number | null
}

export interface ConsumerStats {
  readonly ranges: number
  readonly messages: number
  readonly records: number
  readonly logRows: number
  readonly spanRows: number
  readonly partialRows: number
  readonly templateRows: number
  readonly poison: Readonly<Record<string, number>>
  readonly retries: Readonly<Record<string, number>>
  /** What failed since the last commit of its partition. */
  readonly failing: readonly Failing[]
  readonly assignedPartitions: number
  readonly openRanges: number
  readonly inFlightBytes: number
  /** By the process's clock; null before the first. */
  readonly lastCommitAtMs: number | null
}

export interface Consumer {
  stats(): ConsumerStats
  progress(): readonly PartitionProgress[]
  /** The oldest over all partitions, read or not: no bucket that ended after it may close. */
  oldestUncommittedReceivedAtMs(): Promise<number | null>
  /** The last read of every partition that is ours met its end, and all of it is committed. */
  caughtUp(): boolean
  /** Resolves when everything that was appended is committed. @throws TransientError LOG_CLOSED when closed before that. */
  idle(): Promise<void>
  /** Sends and commits what is in hand; what cannot be stored in time stays recorded and is replayed at the next start. */
  close(): Promise<void>
}

const MiB = 1024 * 1024
const EXPIRE_EVERY_MS = 10_000
/** What fails for the consumer as a whole. */
const NO_PARTITION = -1

const createSerial = () => {
  let tail: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const done = tail.then(work)
    tail = done.catch(() => undefined)
    return done
  }
}

const createCounters = (clock: () => number) => {
  const counts = {
    ranges: 0,
    messages: 0,
    records: 0,
    logRows: 0,
    spanRows: 0,
    partialRows: 0,
    templateRows: 0,
    lastCommitAtMs: null as number | null,
  }
  const poison: Record<string, number> = {}
  const retries: Record<string, number> = {}
  return {
    counts,
    poison,
    retries,
    committed: (range: Range, stored: StoredRange): void => {
      counts.ranges += 1
      counts.messages += range.messages.length
      counts.records += range.records
      counts.logRows += stored.logRows
      counts.spanRows += stored.spanRows
      counts.partialRows += stored.partialRows
      counts.templateRows += stored.templateRows
      counts.lastCommitAtMs = clock()
      for (const { reason } of stored.poison) poison[reason] = (poison[reason] ?? 0) + 1
    },
    retried: (what: string): void => {
      retries[what] = (retries[what] ?? 0) + 1
    },
  }
}

export const startConsumer = (config: ConsumerConfig, deps: ConsumerDeps): Consumer => {
  const { log, logger, controlPlane, clickhouse } = deps
  const group = config.group ?? 'analytics'
  const closing = new AbortController()
  const counters = createCounters(deps.clock)
  const failing = createFailingParts(deps.clock)
  const serially = createSerial()
  const budget = createByteBudget(config.maxInFlightBytes ?? 80 * MiB)
  const active = new Map<number, PartitionConsumer>()
  const progress = createGroupProgress(group, log, (partition) => active.has(partition))
  const effects: EffectPorts = {
    controlPlane,
    clickhouse,
    neighbours: async (tenant, service, atMs) => {
      try {
        return (await deps.neighbours?.(tenant, service, atMs)) ?? []
      } catch (error) {
        logger.warn({ error, tenant, service }, 'neighbours unknown')
        return []
      }
    },
  }

  const retry = (what: string, partition: number, signal: AbortSignal): Retry => ({
    minMs: config.retryMinMs ?? 100,
    maxMs: config.retryMaxMs ?? 2000,
    signal,
    onFailure: (error, attempt) => {
      counters.retried(what)
      failing.failed(partition, what, error)
      // The 1st, 2nd, 4th, 8th … of a row of failures.
      if (Number.isInteger(Math.log2(attempt))) logger.warn({ error, what, partition, attempt }, 'consumer retries')
    },
  })

  let expiredAtMark = 0
  let expiring: Promise<void> = Promise.resolve()
  const expireWhenDue = (): void => {
    const mark = Math.min(...progress.all.map((one) => one.markMs ?? 0))
    if (mark < expiredAtMark + EXPIRE_EVERY_MS) return
    expiredAtMark = mark
    expiring = serially(async () => {
      await progress.learn()
      await expireAlerts(progress.all, effects)
    }).catch((error: unknown) => logger.warn({ error }, 'stale alerts not ended'))
  }

  const storePorts: Omit<StorePorts, 'lastHits'> = {
    settings: { logId: log.logId, maxAheadMs: config.maxAheadMs ?? 86_400_000, retentionMs: config.retentionMs },
    pool: deps.pool,
    child: deps.child,
    clickhouse,
    setAside: (letters) => log.setAside(letters),
    readAlerts: deps.readAlerts ?? createAlertReader(config.maxAlertBytes ?? 64 * MiB),
    monitors: () => controlPlane.heartbeatMonitors(),
  }
  const work = async (assignment: Assignment): Promise<void> => {
    const partition = createPartitionConsumer(
      {
        // As if all were ours: when others leave, they are.
        lingerMs: config.lingerMs ?? lingerMsFor(log.partitions),
        limits: { ...RANGE_LIMITS, ...config.limits },
        readMaxBytes: config.readMaxBytes ?? 8 * MiB,
        handOverMs: config.handOverMs ?? 5000,
      },
      {
        assignment,
        effects,
        budget,
        serially,
        progress,
        retry,
        logger,
        store: { ...storePorts, lastHits: new Map() },
        afterCommit: (range, stored) => {
          counters.committed(range, stored)
          failing.committed(range.partition)
          for (const one of stored.poison) logger.warn({ partition: range.partition, ...one }, 'message set aside')
          expireWhenDue()
        },
      },
    )
    active.set(assignment.partition, partition)
    await partition.run()
    active.delete(assignment.partition)
    failing.committed(assignment.partition)
  }
  const membership = untilDone(() => log.join(group, work), retry('join', NO_PARTITION, closing.signal))
  membership.then(
    () => {
      failing.committed(NO_PARTITION)
    },
    () => undefined,
  )

  /** Asked of the log: a partition that falls behind has messages that no reader has in hand. */
  const oldest = async (): Promise<number | null> => {
    const times = (await log.lag(group)).map((lag) => lag.oldestReceivedAtMs).filter((time) => time !== null)
    return times.length === 0 ? null : Math.min(...times)
  }

  let closed: Promise<void> | null = null
  const close = async (): Promise<void> => {
    closing.abort()
    await (await membership.catch(() => null))?.close()
    await expiring
  }

  return {
    stats: () => ({
      ...counters.counts,
      poison: { ...counters.poison },
      retries: { ...counters.retries },
      failing: failing.list(),
      assignedPartitions: active.size,
      openRanges: [...active.values()].reduce((sum, partition) => sum + partition.openRanges().length, 0),
      inFlightBytes: budget.usedBytes(),
    }),
    progress: () => progress.all.map(({ markMs }, partition) => ({ partition, markReceivedAtMs: markMs })),
    oldestUncommittedReceivedAtMs: oldest,
    caughtUp: () => active.size > 0 && [...active.values()].every((partition) => partition.caughtUp()),
    idle: async () => {
      for (;;) {
        if (closing.signal.aborted) throw closedError()
        const lags = await log.lag(group)
        // A commit can be read before it is told: until then its range is at work, and not in the counts.
        const isAtWork = budget.usedBytes() > 0 || [...active.values()].some((partition) => partition.openRanges().length > 0)
        if (!isAtWork && lags.every((lag) => lag.committed >= lag.end)) return
        await pause(20, closing.signal)
      }
    },
    close: () => (closed ??= close()),
  }
}
