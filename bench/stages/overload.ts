// Twice what it can take, for a bounded time: memory must stay flat, what is refused must be refused with an answer, what is
// acknowledged must be stored, and afterwards it must be as before. The event log is kept small, so that its bound is met as well.
import { openProduct } from '../contestants/product.ts'
import { orderOf, perMillion, type Load } from '../contestants/run-load.ts'
import { createCorpus } from '../load/body.ts'
import { generate } from '../load/generate.ts'
import type { GeneratorOrder } from '../load/generator.ts'
import type { LoadResult } from '../load/open-loop.ts'
import { faultsOf } from '../measure/counts.ts'
import { startMeter } from '../measure/meter.ts'
import type { Scope } from '../measure/scope.ts'
import { latenciesOf } from '../measure/statistics.ts'
import type { Result } from '../report/result.ts'

export interface OverloadOptions {
  readonly seconds: number
  readonly recordsPerRequest: number
}

const LOG_MAX_BYTES = 1024 ** 3
const CONNECTIONS = 16
/** So many requests may wait for their answers at once beyond what it can take: more bytes than ingest lets in. */
const FLOOD_CONNECTIONS = 1024
const CALIBRATE_SECONDS = 10
/** More than anything here can take. */
const UNBOUNDED_PER_SECOND = 1_000_000
const AFTERWARDS_SECONDS = 20
const SLOW_MS = 250

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
/** How much more the last third holds than the one before: what grows without bound grows there too. */
export const driftOf = (samples: readonly number[]): number => {
  const third = Math.ceil(samples.length / 3)
  return mean(samples.slice(-third)) - mean(samples.slice(-2 * third, -third))
}
/** From the start to the last answer that was slow. */
export const recoverySeconds = ({
  startedAtMs,
  acknowledgedAtMs,
  latenciesMs,
}: Pick<LoadResult, 'startedAtMs' | 'acknowledgedAtMs' | 'latenciesMs'>): number => {
  const last = latenciesMs.findLastIndex((ms) => ms > SLOW_MS)
  return last < 0 ? 0 : (acknowledgedAtMs[last] - startedAtMs) / 1000
}

export const runOverload = async ({ seconds, recordsPerRequest }: OverloadOptions, scope: Scope): Promise<Result> => {
  const opened = await openProduct({ sync: 'fsync', env: { LAPWING_LOG_MAX_BYTES: String(LOG_MAX_BYTES) } }, scope)
  const orderFor = (run: string, recordsPerSecond: number | null, maxSeconds: number, connections = CONNECTIONS): GeneratorOrder => {
    const load: Load = { recordsPerRequest, records: 0, recordsPerSecond, maxSeconds, warmUpRecords: 0, connections }
    return orderOf(opened, load, run, (recordsPerSecond ?? UNBOUNDED_PER_SECOND) * maxSeconds)
  }
  const idleMiB = startMeter(opened.parts).stop().pipeline.startMiB
  const calibrated = await generate(orderFor('warm', null, CALIBRATE_SECONDS))
  const before = calibrated.acknowledged.length * recordsPerRequest
  await opened.arrived(before)
  const capacity = before / calibrated.seconds
  const order = orderFor('run', 2 * capacity, seconds, FLOOD_CONNECTIONS)
  const meter = startMeter(opened.parts)
  const flood = await generate(order)
  const used = meter.stop()
  // Half of what it can take must be easy again soon.
  const afterwards = await generate(orderFor('after', capacity / 2, AFTERWARDS_SECONDS))
  const endedAt = performance.now()
  const records = flood.acknowledged.length * recordsPerRequest
  await opened.arrived(before + records + afterwards.acknowledged.length * recordsPerRequest)
  const drainSeconds = (performance.now() - endedAt) / 1000
  const faults = faultsOf(await opened.attempts(createCorpus(order.shape), order.shape.run), flood.acknowledged, recordsPerRequest)
  const { samplesMiB, peakMiB } = used.pipeline
  return {
    stage: 'O',
    load: `${recordsPerRequest.toLocaleString('en')} records per request, ${Math.round(2 * capacity).toLocaleString('en')} records/s offered for ${seconds} s`,
    contestant: 'Lapwing',
    durability: 'fsync',
    records,
    seconds: flood.seconds,
    recordsPerSecond: records / flood.seconds,
    cpuPerMillion: perMillion(used, flood, records),
    peakMiB: Object.fromEntries(Object.entries(used).map(([part, one]) => [part, one.peakMiB])),
    ackMs: latenciesOf(flood.latenciesMs),
    queryableP99Ms: null,
    bytesPerRecord: null,
    isCounted: true,
    faults,
    notes: [
      `of ${order.requests} requests ${flood.sent} were sent before the time was over, ${flood.refused} refused, ${flood.broken} broken`,
      `memory ${(peakMiB - idleMiB).toFixed(0)} MiB above idle, ${driftOf(samplesMiB).toFixed(0)} MiB more in the last third than in the one before`,
      `at half of the load afterwards the last answer above ${SLOW_MS} ms came after ${recoverySeconds(afterwards).toFixed(1)} s, and ${afterwards.refused} requests were refused`,
      `all was stored ${drainSeconds.toFixed(1)} s after the last answer`,
    ],
  }
}
