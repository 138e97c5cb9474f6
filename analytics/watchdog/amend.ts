// Late data: the rows of closed buckets are counted again from everything that is stored; verdicts stay as they are.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { partialsOfBuckets, recountBucket, recountSpans } from '../../clickhouse/queries/series-partials.ts'
import { bandsOfBuckets, pointVersion } from '../../clickhouse/queries/series-points.ts'
import { addPartial, BUCKET_MS, countOf, newBucket, type OpenBucket } from '../series/rollup.ts'
import { toPoints, type Bands, type PointInsert } from './close-buckets.ts'
import { toPartial } from './read-partials.ts'

/** Partials are kept for three days after they were received; older buckets are counted from the rows. */
const PARTIALS_KEPT_MS = 2 * 86_400_000
const BATCH = 500

export interface Late {
  readonly tenant: string
  readonly service: string
  readonly bucketMs: number
  /** Of the late partials. */ covers: number
  readonly attributes: Set<string>
  hasSpans: boolean
}
export type CountNew = (tenant: string, service: string, templates: readonly string[], bucketMs: number) => number

const finish = (bucket: OpenBucket, late: Late, version: number, countNew: CountNew, bands: Bands): PointInsert[] => {
  const fresh = countNew(late.tenant, late.service, bucket.templates, late.bucketMs)
  if (fresh > 0) bucket.metrics['log.new_template_rate'] = countOf(fresh)
  return toPoints(late.tenant, late.service, late.bucketMs, bucket.metrics, version, bands)
}

const NO_BANDS: Bands = new Map()
const keyOf = (service: string, bucketMs: number): string => `${bucketMs} ${service}`
/** Of the buckets of a batch, by service and bucket. */
const loadBands = async (clickhouse: Pick<ClickHouse, 'query'>, tenant: string, batch: readonly Late[]): Promise<Map<string, Bands>> => {
  const found = new Map<string, Map<string, { expected: number; lower: number; upper: number }>>()
  const rows = await clickhouse.query(bandsOfBuckets, {
    tenant,
    services: [...new Set(batch.map((late) => late.service))],
    buckets: [...new Set(batch.map((late) => late.bucketMs / 1000))],
  })
  for (const { service, metric, bucket, expected, lower, upper } of rows) {
    const key = keyOf(service, bucket * 1000)
    found.set(key, (found.get(key) ?? new Map()).set(metric, { expected, lower, upper }))
  }
  return found
}

const fromPartials = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  tenant: string,
  batch: readonly Late[],
  countNew: CountNew,
): Promise<PointInsert[]> => {
  const wanted = new Map(batch.map((late) => [keyOf(late.service, late.bucketMs), { late, bucket: newBucket(late.bucketMs) }]))
  const rows = await clickhouse.query(partialsOfBuckets, {
    tenant,
    services: [...new Set(batch.map((late) => late.service))],
    buckets: [...new Set(batch.map((late) => late.bucketMs / 1000))],
  })
  for (const row of rows) {
    const partial = toPartial(row)
    const found = wanted.get(keyOf(partial.service, partial.bucketMs))
    if (found !== undefined) addPartial(found.bucket, partial, 0, () => true)
  }
  const bands = await loadBands(clickhouse, tenant, batch)
  return [...wanted].flatMap(([key, { late, bucket }]) => finish(bucket, late, bucket.version, countNew, bands.get(key) ?? NO_BANDS))
}

const fromRows = async (clickhouse: Pick<ClickHouse, 'query'>, late: Late): Promise<PointInsert[]> => {
  const { tenant, service, bucketMs } = late
  const [before] = await clickhouse.query(pointVersion, { tenant, service, bucket: bucketMs / 1000 })
  const place = { tenant, service, fromMs: bucketMs, toMs: bucketMs + BUCKET_MS }
  const counted = [
    ...(await clickhouse.query(recountBucket, { ...place, attributes: [...late.attributes] })),
    ...(late.hasSpans ? await clickhouse.query(recountSpans, place) : []),
  ]
  const metrics = Object.fromEntries(
    counted.map((c) => [c.metric, { count: Number(c.count), sum: c.sum, min: c.min, max: c.max, sumSq: c.sum_sq }]),
  )
  const bands = (await loadBands(clickhouse, tenant, [late])).get(keyOf(service, bucketMs)) ?? NO_BANDS
  return toPoints(tenant, service, bucketMs, metrics, Number(before?.version ?? 0) + late.covers, bands)
}

/** Rows that replace those of the late buckets. */
export const amend = async (
  clickhouse: Pick<ClickHouse, 'query'>,
  lates: readonly Late[],
  nowMs: number,
  countNew: CountNew,
): Promise<PointInsert[]> => {
  const points: PointInsert[] = []
  const recent = lates.filter((late) => nowMs - late.bucketMs < PARTIALS_KEPT_MS)
  for (const tenant of new Set(recent.map((late) => late.tenant))) {
    const own = recent.filter((late) => late.tenant === tenant)
    for (let i = 0; i < own.length; i += BATCH) points.push(...(await fromPartials(clickhouse, tenant, own.slice(i, i + BATCH), countNew)))
  }
  for (const late of lates) if (nowMs - late.bucketMs >= PARTIALS_KEPT_MS) points.push(...(await fromRows(clickhouse, late)))
  return points
}
