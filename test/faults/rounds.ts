// Rounds of one fault each, under load from clients that name their attempts. After each everything must run again, be worked
// off, and every promise hold: see `compare` and checks.ts.
import { until } from '../../bench/load/product.ts'
import { openCluster, type Cluster } from '../cluster/cluster.ts'
import { compare, createRandom, drainedStatus, pause, startLoad } from '../kill/attempts.ts'
import { makeChanges, pressAgainstCap, sendAlert, startHeart, type Heart } from './actors.ts'
import { checkAlert, checkCap, checkChanges, checkHeart } from './checks.ts'
import { FAULTS, possibleFaults, type Fault } from './faults.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { checkSurge, sendSurge } from './surge.ts'

export interface FaultOptions {
  readonly rounds: number
  readonly seed: number
  readonly postgresBin: string
  readonly faults?: readonly Fault[]
  /** Settings of every process. */ readonly env?: Readonly<Record<string, string>>
  readonly onRound?: (line: string) => void
}
export interface FaultReport {
  readonly rounds: number
  readonly attempts: number
  readonly acknowledged: number
  readonly rows: number
  readonly faults: Readonly<Record<string, number>>
  /** In words; empty when every promise held. */
  readonly broken: readonly string[]
}

const RUN = 'faults'
const RECOVERED_MS = 40_000
/** One attempt of each connection at that distance: the machine is shared with nine servers. */
const EVERY_MS = 10
/** Rows of a few hundred rounds, and room for merges. */
const DISK_MEGABYTES = 2000
const CHANGES = 3

/** The first as many as there are go once through the list; after them any. */
const faultOf = (faults: readonly Fault[], round: number, random: () => number): Fault =>
  faults[round <= faults.length ? round - 1 : Math.floor(random() * faults.length)]

interface Round {
  readonly fault: Fault
  readonly number: number
  readonly random: () => number
  readonly firstAttempt: number
  readonly monitorId: string
  readonly receiver: Receiver
}

const playRound = async (
  cluster: Cluster,
  round: Round,
  acknowledged: Set<number>,
): Promise<{ attempts: number; rows: number; broken: string[] }> => {
  const service = `round-${round.number}`
  const surging = `surge-${round.number}`
  const startsAt = new Date().toISOString()
  const load = startLoad({
    run: RUN,
    token: cluster.token,
    addresses: cluster.of('ingest').map((member) => member.otlp),
    firstAttempt: round.firstAttempt,
    everyMs: EVERY_MS,
  })
  const inflict = async () => {
    await pause(300 + round.random() * 1700)
    const done = await Promise.all([
      round.fault.inflict(cluster, round.random),
      makeChanges(cluster, round.number, CHANGES),
      pressAgainstCap(cluster, round.number),
      sendAlert(cluster, service, 'firing', startsAt),
      sendSurge(cluster, surging, round.number),
    ])
    await pause(round.random() * 1000)
    await sendAlert(cluster, service, 'resolved', startsAt)
    return done
  }
  // Also when the round breaks: a load that goes on holds the whole run.
  const [, changes, pressed] = await inflict().finally(() => load.stop())
  const stoppedAtMs = Date.now()
  for (const attempt of load.acknowledged) acknowledged.add(attempt)
  await cluster.ready()
  await until('everything is worked off', RECOVERED_MS, () => drainedStatus(cluster.api, stoppedAtMs))
  // What follows from the last commit is told a moment after it.
  let broken: string[] = []
  await until(
    'the alert and the surge are over',
    RECOVERED_MS,
    async () =>
      (broken = [...(await checkAlert(cluster, round.receiver, service)), ...(await checkSurge(cluster, round.receiver, surging))])
        .length === 0,
  ).catch(() => undefined)
  const stored = await compare(cluster.select, RUN, acknowledged)
  broken.push(
    ...stored.faults,
    ...(await checkHeart(cluster, round.monitorId)),
    ...(await checkChanges(cluster, changes)),
    ...(await checkCap(cluster, pressed)),
  )
  return { attempts: load.attempts(), rows: stored.rows, broken }
}

export const runFaultRounds = async (options: FaultOptions): Promise<FaultReport> => {
  const random = createRandom(options.seed)
  const acknowledged = new Set<number>()
  const counts: Record<string, number> = {}
  const broken: string[] = []
  let attempts = 0
  let rows = 0
  let rounds = 0
  let beating: Heart | null = null
  const receiver = await openReceiver()
  const cluster = await openCluster({
    postgresBin: options.postgresBin,
    env: { ...receiver.env, ...options.env },
    diskMegabytes: DISK_MEGABYTES,
  })
  try {
    const faults = possibleFaults(cluster, options.faults ?? FAULTS)
    if (faults.length < (options.faults ?? FAULTS).length) options.onRound?.('skipped: a full disk (no tmpfs can be mounted here)')
    const heart = await startHeart(cluster)
    // Over all rounds and between them: a job does not stop because we count.
    beating = heart.beat()
    for (let number = 1; number <= options.rounds; number++) {
      const fault = faultOf(faults, number, random)
      const begun = performance.now()
      counts[fault.name] = (counts[fault.name] ?? 0) + 1
      const played = await playRound(
        cluster,
        { fault, number, random, firstAttempt: attempts, monitorId: heart.monitorId, receiver },
        acknowledged,
      ).catch((error: unknown) => ({ attempts: -1, rows, broken: [`${String(error)}\n${cluster.output()}`] }))
      broken.push(...played.broken.slice(0, 5).map((text) => `round ${number} (${fault.name}): ${text}`))
      rounds = number
      // Without an end of the round nobody knows what was sent: the rest would prove nothing.
      if (played.attempts < 0) break
      attempts = played.attempts
      rows = played.rows
      options.onRound?.(
        `round ${number}/${options.rounds}  ${fault.name.padEnd(28)} ${acknowledged.size}/${attempts} acknowledged, ${rows} rows, ${broken.length} broken, ${((performance.now() - begun) / 1000).toFixed(0)} s`,
      )
    }
  } finally {
    await beating?.stop().catch(() => undefined)
    await cluster.close()
    await receiver.close()
  }
  return { rounds, attempts, acknowledged: acknowledged.size, rows, faults: counts, broken }
}
