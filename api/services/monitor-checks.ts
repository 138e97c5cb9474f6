// What came of a monitor's heartbeats, as the API tells it: newest checks, uptime, a timeline.
import { apiError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { toTimeline, uptimePercent, type Outage, type UptimeBucket } from './uptime.ts'

export interface MonitorCheck {
  readonly at: string
  readonly status: 'up' | 'down'
  /** Of a miss: when the next hit came; absent while there is none. */ readonly endedAt?: string
  readonly signalId?: string
}
export interface CheckPosition {
  readonly at: string
  readonly ok: boolean
}
export interface MonitorStats {
  readonly monitorId: string
  readonly uptimePercent: { readonly day: number | null; readonly week: number | null; readonly month: number | null }
  readonly hits: number
  readonly misses: number
  readonly lastHitAt: string | null
  /** Between the newest hits; null with fewer than two. */
  readonly averageIntervalSec: number | null
}
export interface MonitorChecks {
  /** Newest first. */
  list(tenant: string, id: string, limit: number, before: CheckPosition | null): Promise<MonitorCheck[]>
  stats(tenant: string, id: string, nowMs: number): Promise<MonitorStats>
  timeline(tenant: string, id: string, range: { readonly fromMs: number; readonly toMs: number }, buckets: number): Promise<UptimeBucket[]>
}

interface StoredCheck {
  at: Date
  ok: boolean
  ended_at: Date | null
  signal_id: string | null
}
const DAY_MS = 86_400_000
const HITS_AVERAGED = 100

const toCheck = (row: StoredCheck): MonitorCheck => ({
  at: row.at.toISOString(),
  status: row.ok ? 'up' : 'down',
  ...(row.ended_at === null ? {} : { endedAt: row.ended_at.toISOString() }),
  ...(row.signal_id === null ? {} : { signalId: row.signal_id }),
})

export const createMonitorChecks = (store: Store): MonitorChecks => {
  const find = async (tenant: string, id: string): Promise<{ created_at: Date; hits: number; last_hit_at: Date | null }> => {
    const [row] = await store.query<{ created_at: Date; hits: number; last_hit_at: Date | null }>(
      'SELECT created_at, hits, last_hit_at FROM monitors WHERE tenant = $1 AND id = $2',
      [tenant, id],
    )
    if (row === undefined) throw apiError('NOT_FOUND', `no monitor ${id}`)
    return row
  }
  const outages = async (tenant: string, id: string): Promise<Outage[]> =>
    (
      await store.query<StoredCheck>(
        'SELECT at, ok, ended_at, signal_id FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND NOT ok ORDER BY at',
        [tenant, id],
      )
    ).map((row) => ({ startMs: row.at.getTime(), endMs: row.ended_at?.getTime() ?? null }))
  const averageInterval = async (tenant: string, id: string): Promise<number | null> => {
    const [{ hits, first, last }] = await store.query<{ hits: number; first: Date | null; last: Date | null }>(
      `SELECT count(*)::int AS hits, min(at) AS first, max(at) AS last
       FROM (SELECT at FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND ok ORDER BY at DESC LIMIT $3) AS newest`,
      [tenant, id, HITS_AVERAGED],
    )
    return first === null || last === null || hits < 2 ? null : Math.round((last.getTime() - first.getTime()) / (hits - 1)) / 1000
  }
  return {
    list: async (tenant, id, limit, before) => {
      await find(tenant, id)
      return (
        await store.query<StoredCheck>(
          `SELECT at, ok, ended_at, signal_id FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND coalesce((at, ok) < ($3::timestamptz, $4), true)
         ORDER BY at DESC, ok DESC LIMIT $5`,
          [tenant, id, before?.at ?? null, before?.ok ?? false, limit],
        )
      ).map(toCheck)
    },
    stats: async (tenant, id, nowMs) => {
      const [monitor, down, averageIntervalSec] = [await find(tenant, id), await outages(tenant, id), await averageInterval(tenant, id)]
      const over = (days: number): number | null =>
        uptimePercent(down, Math.max(nowMs - days * DAY_MS, monitor.created_at.getTime()), nowMs)
      return {
        monitorId: id,
        uptimePercent: { day: over(1), week: over(7), month: over(30) },
        hits: monitor.hits,
        misses: down.length,
        lastHitAt: monitor.last_hit_at?.toISOString() ?? null,
        averageIntervalSec,
      }
    },
    timeline: async (tenant, id, { fromMs, toMs }, buckets) => {
      const monitor = await find(tenant, id)
      return toTimeline(await outages(tenant, id), fromMs, toMs, buckets, monitor.created_at.getTime())
    },
  }
}
