// Points as rows → the series of each service on one grid.
import type { WindowPoint } from '../../clickhouse/queries/series-points.ts'
import { GRID_MS } from './analyse.ts'
import type { WindowMs } from './evidence.ts'
import { meaningOf, type ServiceSeries } from './series.ts'

/** What no bucket has been closed for is unknown, not zero: series end where the last point does. */
export const toSeries = (points: readonly WindowPoint[], window: WindowMs): ServiceSeries[] => {
  const dataEndMs = points.reduce((end, point) => Math.max(end, point.bucket * 1000 + GRID_MS), window.fromMs)
  const length = Math.max(0, Math.ceil((Math.min(window.toMs, dataEndMs) - window.fromMs) / GRID_MS))
  const services = new Map<
    string,
    { readonly metrics: Record<string, (number | null)[]>; readonly weights: Record<string, (number | null)[]> }
  >()
  for (const { service, metric, bucket, count, sum } of points) {
    let one = services.get(service)
    if (one === undefined) services.set(service, (one = { metrics: {}, weights: {} }))
    const counted = meaningOf(metric)?.count === true
    const values = (one.metrics[metric] ??= Array.from({ length }, () => (counted ? 0 : null)))
    const at = Math.floor((bucket * 1000 - window.fromMs) / GRID_MS)
    if (at < 0 || at >= length) continue
    values[at] = counted ? Number(count) : sum / Math.max(1, Number(count))
    if (!counted) (one.weights[metric] ??= Array.from({ length }, () => 0))[at] = Number(count)
  }
  return [...services].map(([service, one]) => ({ service, ...one }))
}
