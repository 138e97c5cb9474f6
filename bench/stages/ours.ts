// The stages of `npm run bench`: ours alone. Each yields its results one by one.
import { createEdge } from '../contestants/edge.ts'
import { createWhole } from '../contestants/product.ts'
import { runLoad, type Load } from '../contestants/run-load.ts'
import { runDrain } from '../contestants/worker.ts'
import type { Scopes } from '../measure/scope.ts'
import { totalCpu, type Result, type Stage } from '../report/result.ts'
import { runDetection } from './detection.ts'
import { drainLoads, edgeLoads, growthLoads, halfLoads, matrixLoads, storeLoad, type Size } from './loads.ts'
import { runOverload } from './overload.ts'
import { openBroker } from './broker.ts'

export interface OursPlan {
  readonly size: Size
  readonly profile?: string
  /** What cannot be run here, in words. */ readonly onMissing: (what: string) => void
}
type Results = AsyncGenerator<Result>

async function* edge({ size, profile, onMissing }: OursPlan, scopes: Scopes): Results {
  for (const load of edgeLoads(size)) {
    for (const sync of ['os', 'fsync'] as const)
      yield await scopes.run((scope) => runLoad('E', createEdge({ name: 'Lapwing', sync, profile }), load, scope))
  }
  for (const load of edgeLoads(size)) {
    const result = await scopes.run(async (scope) => {
      const broker = await openBroker(scope)
      return broker.ok
        ? await runLoad('E', createEdge({ name: 'Lapwing → Kafka', sync: 'fsync', broker: broker.broker, profile }), load, scope)
        : broker
    })
    if (!('ok' in result)) yield result
    else if (!result.ok) return onMissing(`Lapwing → Kafka: ${result.reason}`)
  }
}
async function* drain({ size, profile }: OursPlan, scopes: Scopes): Results {
  for (const load of drainLoads(size))
    for (const table of ['Null', 'real'] as const)
      yield await scopes.run((scope) => runDrain({ name: 'Lapwing', table, profile }, load, scope))
}
async function* wholeWay({ size }: OursPlan, scopes: Scopes): Results {
  const { seconds } = size
  const whole = createWhole({ name: 'Lapwing', sync: 'fsync' })
  const rated = storeLoad(size)
  const saturating: Load = { ...rated, records: 1_000_000 * seconds, recordsPerSecond: null, maxSeconds: seconds, connections: 16 }
  const small: Load = { ...saturating, recordsPerRequest: 10, warmUpRecords: rated.warmUpRecords / 10 }
  for (const load of [{ ...rated, records: Math.max(rated.records, rated.recordsPerSecond! * seconds) }, saturating, small])
    yield await scopes.run((scope) => runLoad('X', whole, load, scope))
}
async function* overload({ size: { seconds } }: OursPlan, scopes: Scopes): Results {
  yield await scopes.run((scope) => runOverload({ seconds, recordsPerRequest: 1000 }, scope))
}
const GROWTH_GOAL = 1.5
/** What it costs more, in words. */
export const growthNote = (few: Pick<Result, 'cpuPerMillion'>, many: Pick<Result, 'cpuPerMillion'>): string =>
  `20 tenants × 100 services cost ${(totalCpu(many) / totalCpu(few)).toFixed(2)} times what 1 × 8 cost; the goal is ${GROWTH_GOAL} at most`
async function* growth({ size }: OursPlan, scopes: Scopes): Results {
  const [few, many] = growthLoads(size)
  const before = await scopes.run((scope) => runDrain({ name: 'Lapwing', table: 'real' }, few, scope))
  yield { ...before, stage: 'C' }
  const after = await scopes.run((scope) => runDrain({ name: 'Lapwing', table: 'real' }, many, scope))
  yield { ...after, stage: 'C', notes: [growthNote(before, after)] }
}
const ACK_GOAL_MS = { os: 10, fsync: 25 } as const
async function* halfLoad({ size }: OursPlan, scopes: Scopes): Results {
  const { calibrate, half } = halfLoads(size)
  for (const sync of ['os', 'fsync'] as const) {
    const edge = createEdge({ name: 'Lapwing', sync })
    const { recordsPerSecond } = await scopes.run((scope) => runLoad('A', edge, calibrate, scope))
    const result = await scopes.run((scope) => runLoad('A', edge, half(recordsPerSecond), scope))
    yield {
      ...result,
      notes: [
        ...result.notes,
        `${result.durability}: ${Math.round(recordsPerSecond).toLocaleString('en')} records/s as fast as acknowledged; the goal is a p99 of ${ACK_GOAL_MS[sync]} ms at half of it`,
      ],
    }
  }
}
async function* detection({ size }: OursPlan): Results {
  yield* runDetection(size.records)
}
async function* matrix({ size }: OursPlan, scopes: Scopes): Results {
  for (const load of matrixLoads(size))
    yield await scopes.run((scope) => runLoad('S', createEdge({ name: 'Lapwing', sync: 'fsync' }), load, scope))
}

export const OURS: Readonly<Record<Stage, (plan: OursPlan, scopes: Scopes) => Results>> = {
  E: edge,
  G: drain,
  D: detection,
  C: growth,
  X: wholeWay,
  A: halfLoad,
  O: overload,
  S: matrix,
}
