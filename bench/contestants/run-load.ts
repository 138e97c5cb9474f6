// One run of one contestant: warmed up, loaded on schedule, followed until everything has arrived and its store is at rest, counted.
import { createCorpus, type BodyFormat } from '../load/body.ts'
import type { BodyCompression } from '../load/encoded.ts'
import { generate, startGenerator } from '../load/generate.ts'
import type { Generated, GeneratorOrder } from '../load/generator.ts'
import { faultsOf } from '../measure/counts.ts'
import { bytesOnDisk } from '../measure/disk.ts'
import { startMeter, untilIdle, type Used } from '../measure/meter.ts'
import type { Scope } from '../measure/scope.ts'
import { latenciesOf } from '../measure/statistics.ts'
import type { Result, Stage } from '../report/result.ts'
import type { Contestant, Opened } from './contestant.ts'
import { startProbes } from './probes.ts'

export interface Load {
  readonly recordsPerRequest: number
  readonly records: number
  /** Null: the next request as soon as one is answered. */
  readonly recordsPerSecond: number | null
  readonly warmUpRecords: number
  readonly format?: BodyFormat
  readonly compression?: BodyCompression
  readonly connections?: number
  /** Of different tokens, in turn; one unless set. */
  readonly tenants?: number
  /** Of each tenant, in every request; 8 unless set. */
  readonly services?: number
  /** Ends then, sent or not. */
  readonly maxSeconds?: number
}

const CONNECTIONS = 8
const RESOURCES = 8
const STORE_IDLE_MS = 180_000
const RUN = 'run'

export const describe = (load: Load): string =>
  [
    ...(load.tenants === undefined && load.services === undefined
      ? []
      : [`${load.tenants ?? 1} tenants × ${load.services ?? RESOURCES} services`]),
    `${load.recordsPerRequest.toLocaleString('en')} records per request`,
    load.format ?? 'protobuf',
    load.compression ?? 'none',
    load.recordsPerSecond === null ? 'as fast as acknowledged' : `${load.recordsPerSecond.toLocaleString('en')} records/s`,
  ].join(', ')

export const orderOf = (
  opened: Pick<Opened, 'url' | 'path' | 'token' | 'moreTokens'>,
  load: Load,
  run: string,
  records: number,
): GeneratorOrder => ({
  url: opened.url,
  path: opened.path,
  token: opened.token,
  moreTokens: opened.moreTokens,
  requests: Math.max(1, Math.round(records / load.recordsPerRequest)),
  connections: load.connections ?? CONNECTIONS,
  maxSeconds: load.maxSeconds,
  requestsPerSecond: load.recordsPerSecond === null ? null : load.recordsPerSecond / load.recordsPerRequest,
  shape: shapeOf(load, run),
  compression: load.compression ?? 'none',
})
const shapeOf = (load: Load, run: string): GeneratorOrder['shape'] => ({
  records: load.recordsPerRequest,
  resources: Math.min(load.services ?? RESOURCES, load.recordsPerRequest),
  run,
  format: load.format ?? 'protobuf',
})

export const perMillion = (used: Readonly<Record<string, Used>>, generated: Generated, records: number): Record<string, number> =>
  Object.fromEntries(
    [
      ...Object.entries(used).map(([part, { cpuSeconds }]) => [part, cpuSeconds] as const),
      ['generator', generated.cpuSeconds] as const,
    ].map(([part, cpu]) => [part, (cpu * 1e6) / records]),
  )

interface Ran {
  readonly generated: Generated
  readonly used: Record<string, Used>
  readonly seconds: number
  readonly queryableP99Ms: number | null
  readonly bytesBefore: number | null
}

const drive = async (opened: Opened, load: Load, scope: Scope): Promise<Ran> => {
  // As fast as it goes: code is compiled by how often it has run.
  const warm = await generate({ ...orderOf(opened, load, 'warm', load.warmUpRecords), requestsPerSecond: null })
  const already = warm.acknowledged.length * load.recordsPerRequest
  await opened.arrived(already)
  const { clickhouse, ...rest } = opened.parts
  if (clickhouse !== undefined) await untilIdle(clickhouse, STORE_IDLE_MS)
  const generator = await startGenerator(orderOf(opened, load, RUN, load.records))
  scope.onClose(() => generator.stop())
  const disk = opened.directory === null ? null : bytesOnDisk(opened.directory)
  // The store works on when the pipeline has nothing left to do: its merges are part of what a record costs, our idling is not.
  const [pipelineMeter, storeMeter] = [startMeter(rest), startMeter(clickhouse === undefined ? {} : ({ clickhouse } as Opened['parts']))]
  const probes = opened.probes === undefined ? null : await startProbes(opened, opened.probes)
  const begun = performance.now()
  const generated = await generator.go()
  const probed = (await probes?.sent()) ?? 0
  await opened.arrived(already + generated.acknowledged.length * load.recordsPerRequest + probed)
  const seconds = (performance.now() - begun) / 1000
  const pipeline = pipelineMeter.stop()
  const queryableP99Ms = (await probes?.p99Ms()) ?? null
  if (clickhouse !== undefined) await untilIdle(clickhouse, STORE_IDLE_MS)
  return { generated, used: { ...pipeline, ...storeMeter.stop() }, seconds, queryableP99Ms, bytesBefore: disk }
}

export const runLoad = async (stage: Stage, contestant: Contestant, load: Load, scope: Scope): Promise<Result> => {
  const opened = await contestant.open(scope)
  const { generated, used, seconds, queryableP99Ms, bytesBefore } = await drive(opened, load, scope)
  const records = generated.acknowledged.length * load.recordsPerRequest
  const isCounted = contestant.isCounted !== false
  const faults = !isCounted
    ? []
    : faultsOf(await opened.attempts(createCorpus(shapeOf(load, RUN)), RUN), generated.acknowledged, load.recordsPerRequest)
  return {
    stage,
    load: describe(load),
    contestant: contestant.name,
    durability: contestant.durability,
    records,
    seconds,
    recordsPerSecond: records / seconds,
    cpuPerMillion: perMillion(used, generated, records),
    peakMiB: Object.fromEntries(Object.entries(used).map(([part, { peakMiB }]) => [part, peakMiB])),
    ackMs: latenciesOf(generated.latenciesMs),
    queryableP99Ms,
    bytesPerRecord: bytesBefore === null ? null : (bytesOnDisk(opened.directory!) - bytesBefore) / records,
    isCounted,
    faults: records === 0 ? ['nothing was acknowledged'] : faults,
    notes: [
      ...(contestant.notes ?? []),
      ...(generated.refused + generated.broken === 0 ? [] : [`${generated.refused} requests refused, ${generated.broken} broken`]),
    ],
  }
}
