// Who runs against whom in `npm run bench:compare`. Every contestant has one turn in every round; what a row compares is data.
import type { Contestant } from '../contestants/contestant.ts'
import { createEdge } from '../contestants/edge.ts'
import { createWhole } from '../contestants/product.ts'
import { describe, runLoad, type Load } from '../contestants/run-load.ts'
import { runDrain } from '../contestants/worker.ts'
import type { Scope } from '../measure/scope.ts'
import { edgeCollectors, storeCollectors } from '../peers/collector.ts'
import { findCollector, findFluentBit, findVictoriaLogs, NOT_TO_BE_HAD } from '../peers/programs.ts'
import { createVictoriaLogs } from '../peers/victoria-logs.ts'
import type { Pairing } from '../report/compare.ts'
import type { Result, Stage } from '../report/result.ts'
import { openBroker } from './broker.ts'
import { edgeLoad, edgeLoads, smallEdgeLoad, storeLoad, type Size } from './loads.ts'

export interface Turn {
  readonly name: string
  /** What is compared with it has the same: these take turns. */ readonly load: string
  run(scope: Scope): Promise<Result>
}
export interface Versus {
  readonly turns: readonly Turn[]
  readonly pairings: readonly Pairing[]
  readonly missing: readonly string[]
}
export interface VersusPlan {
  readonly size: Size
  readonly stages: readonly Stage[]
  /** Fewer loads, so that five rounds end in a quarter of an hour. */ readonly isQuick: boolean
}

const FSYNC = ['Lapwing', 'Lapwing, 2nd copy'] as const
const PAGE_CACHE = 'Lapwing, page cache'
const ON_KAFKA = 'Lapwing → Kafka'
const DRAIN = 'Lapwing, log → ClickHouse'

const turnOf = (stage: Stage, one: Contestant, load: Load): Turn => ({
  name: `${stage} ${one.name}, ${describe(load)}`,
  load: describe(load),
  run: (scope) => runLoad(stage, one, load, scope),
})

/** Durable as ours is, or as close as the peer comes: memory beside page cache, everything beside fsync, Kafka beside Kafka. */
const isComparable = (ours: string, peer: Contestant): boolean =>
  ours === ON_KAFKA ? peer.name.includes('Kafka') : ours !== PAGE_CACHE || peer.durability !== 'fsync'

const edgeVersus = (
  loads: readonly Load[],
  ours: readonly Contestant[],
  peers: readonly Contestant[],
): Pick<Versus, 'turns' | 'pairings'> => ({
  turns: loads.flatMap((load) => [...ours, ...peers].map((one) => turnOf('E', one, load))),
  pairings: loads.flatMap((load) =>
    [[PAGE_CACHE], FSYNC, [ON_KAFKA]].flatMap((names) =>
      peers
        .filter((peer) => isComparable(names[0], peer))
        .map(({ name }): Pairing => ({
          stage: 'E',
          what: 'all processes but sink and generator',
          load: describe(load),
          ours: names,
          copies: FSYNC,
          peer: name,
          parts: 'all',
        })),
    ),
  ),
})

/** What comes over HTTP and can be queried; beside it our worker's part alone, for the peer's pipeline and its ClickHouse apart. */
const storeVersus = (load: Load, collectors: readonly Contestant[], others: readonly Contestant[]): Pick<Versus, 'turns' | 'pairings'> => {
  const row = (peer: string) => ({ load: describe(load), copies: FSYNC, peer })
  return {
    turns: [
      {
        name: DRAIN,
        load: describe(load),
        run: async (scope) => ({ ...(await runDrain({ name: DRAIN, table: 'real' }, load, scope)), load: describe(load) }),
      },
      ...[...FSYNC.map((name) => createWhole({ name, sync: 'fsync' })), ...collectors, ...others].map((one) => turnOf('X', one, load)),
    ],
    pairings: [
      ...collectors.flatMap(({ name }): Pairing[] => [
        { ...row(name), stage: 'G', what: 'pipeline alone (of the peer: from HTTP on)', ours: [DRAIN], parts: ['pipeline'] },
        { ...row(name), stage: 'G', what: 'ClickHouse alone, until it is idle (ours: of a backlog)', ours: [DRAIN], parts: ['clickhouse'] },
        { ...row(name), stage: 'X', what: 'ClickHouse alone, until it is idle', ours: FSYNC, parts: ['clickhouse'] },
      ]),
      ...[...collectors, ...others].map(({ name }): Pairing => ({
        ...row(name),
        stage: 'X',
        what: 'all processes, until the store is idle',
        ours: FSYNC,
        parts: 'all',
      })),
    ],
  }
}

export const openVersus = async ({ size, stages, isQuick }: VersusPlan, scope: Scope): Promise<Versus> => {
  const [collector, victoria, fluentBit, broker] = [findCollector(), findVictoriaLogs(), findFluentBit(), await openBroker(scope)]
  const missing = [
    ...NOT_TO_BE_HAD,
    ...(collector.ok ? [] : [`OpenTelemetry Collector: ${collector.reason}`]),
    ...(victoria.ok ? [] : [`VictoriaLogs: ${victoria.reason}`]),
    fluentBit.ok ? 'Fluent Bit: is on the machine, but has no configuration here' : `Fluent Bit: ${fluentBit.reason}`,
    ...(broker.ok ? [] : [`everything → Kafka: ${broker.reason}`]),
  ]
  const onBroker = broker.ok ? broker.broker : null
  const ours = [
    ...FSYNC.map((name) => createEdge({ name, sync: 'fsync' })),
    createEdge({ name: PAGE_CACHE, sync: 'os' }),
    ...(onBroker === null ? [] : [createEdge({ name: ON_KAFKA, sync: 'fsync', broker: onBroker })]),
  ]
  // What a peer costs that does nothing with a record is its floor, and no peer of ours.
  const peers = (collector.ok ? edgeCollectors(collector.client, onBroker) : []).filter(({ isCounted }) => !isQuick || isCounted !== false)
  const edge = edgeVersus(isQuick ? [edgeLoad(size), smallEdgeLoad(size)] : edgeLoads(size), ours, peers)
  const store = storeVersus(
    storeLoad(size),
    collector.ok ? storeCollectors(collector.client) : [],
    victoria.ok ? [createVictoriaLogs(victoria.client)] : [],
  )
  const chosen = [...(stages.includes('E') ? [edge] : []), ...(stages.includes('G') || stages.includes('X') ? [store] : [])]
  return { missing, turns: chosen.flatMap(({ turns }) => turns), pairings: chosen.flatMap(({ pairings }) => pairings) }
}
