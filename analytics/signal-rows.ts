// The series of heartbeats and alerts: heartbeat.interval (ms between two hits of a monitor) and alert.count, as rows of
// series_partials by receive time. Pure. They are an INSERT of their own, so they have a token and a partition number of
// their own: whoever reads partials by position must find each (partition, offset) whole or not at all.
import type { Range } from './ranges.ts'

const BUCKET_MS = 10_000
const LANE = 0x8000

/** The partition number under which the signals of a partition are stored. */
export const signalLane = (partition: number): number => partition | LANE

export interface SignalPoint {
  readonly tenant: string
  readonly service: string
  readonly metric: 'alert.count' | 'heartbeat.interval'
  readonly receivedAtMs: number
  /** Value of a measured metric; 0 for one that only counts. */
  readonly value: number
}

interface Sum {
  count: number
  sum: number
  min: number
  max: number
  sumSq: number
}

const add = (sum: Sum | undefined, value: number): Sum =>
  sum === undefined
    ? { count: 1, sum: value, min: value, max: value, sumSq: value * value }
    : {
        count: sum.count + 1,
        sum: sum.sum + value,
        min: Math.min(sum.min, value),
        max: Math.max(sum.max, value),
        sumSq: sum.sumSq + value * value,
      }

const dayText = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)

/** One row per (tenant, service, 10 s bucket), in order of first appearance. */
export const toSignalRows = (logId: string, range: Range, points: readonly SignalPoint[]): object[] => {
  const buckets = new Map<string, { tenant: string; service: string; bucket: number; metrics: Map<string, Sum> }>()
  for (const { tenant, service, metric, receivedAtMs, value } of points) {
    const bucket = Math.floor(receivedAtMs / BUCKET_MS) * (BUCKET_MS / 1000)
    const key = JSON.stringify([tenant, service, bucket])
    const row = buckets.get(key) ?? { tenant, service, bucket, metrics: new Map<string, Sum>() }
    row.metrics.set(metric, add(row.metrics.get(metric), value))
    buckets.set(key, row)
  }
  return [...buckets.values()].map(({ tenant, service, bucket, metrics }) => {
    const sums = [...metrics.values()]
    return {
      tenant,
      service,
      bucket,
      metric: [...metrics.keys()],
      count: sums.map((sum) => sum.count),
      sum: sums.map((sum) => sum.sum),
      min: sums.map((sum) => sum.min),
      max: sums.map((sum) => sum.max),
      sum_sq: sums.map((sum) => sum.sumSq),
      templates: [],
      receive_day: dayText(range.receiveDay),
      log_id: logId,
      log_partition: signalLane(range.partition),
      log_offset: range.first,
      last_offset: range.last,
    }
  })
}
