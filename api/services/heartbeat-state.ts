// What a consumed hit and a judged miss do to their monitor: its state, the check that tells of it, and its signal, in one transaction: another
// process may judge while this one hits. Both may come again: the state moves only forward, a check is stored once. The tenant is locked
// before the monitor, as by everybody.
import type { ControlPlane } from '../../streams/contracts/control-plane.ts'
import type { SignalSink } from '../../streams/contracts/signals.ts'
import type { Store } from '../store/store.ts'
import { lockTenant } from './incident-store.ts'

/** Hits that are kept of a monitor, more or less; misses are kept by age. */
const HITS_KEPT = 1000
const MISSES_KEPT_DAYS = 90
const TRIM_EVERY_HITS = 200

const iso = (ms: number): string => new Date(ms).toISOString()

export const createHeartbeatState = (store: Store, signals: SignalSink): Pick<ControlPlane, 'heartbeatHit' | 'heartbeatMissed'> => ({
  heartbeatHit: async (tenant, monitorId, receivedAtMs) =>
    await store.transaction(async (sql) => {
      const at = iso(receivedAtMs)
      await lockTenant(sql, tenant)
      const [before] = await sql.query<{ miss_id: string | null }>(
        'SELECT miss_id FROM monitors WHERE tenant = $1 AND id = $2 FOR UPDATE',
        [tenant, monitorId],
      )
      const [moved] = await sql.query<{ hits: number }>(
        `UPDATE monitors SET status = 'up', miss_id = NULL, last_hit_at = $3, hits = hits + 1
       WHERE tenant = $1 AND id = $2 AND coalesce(last_hit_at < $3, true) RETURNING hits`,
        [tenant, monitorId, at],
      )
      if (moved === undefined) return
      if (before.miss_id !== null) await signals.resolved({ tenant, kind: 'heartbeat', id: before.miss_id, endedAtMs: receivedAtMs })
      await sql.query('UPDATE monitor_checks SET ended_at = $3 WHERE tenant = $1 AND monitor_id = $2 AND NOT ok AND ended_at IS NULL', [
        tenant,
        monitorId,
        at,
      ])
      await sql.query('INSERT INTO monitor_checks (tenant, monitor_id, at, ok) VALUES ($1, $2, $3, true) ON CONFLICT DO NOTHING', [
        tenant,
        monitorId,
        at,
      ])
      if (moved.hits % TRIM_EVERY_HITS !== 0) return
      await sql.query(
        `DELETE FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND ok
       AND at < (SELECT min(kept.at) FROM (SELECT at FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND ok ORDER BY at DESC LIMIT $3) AS kept)`,
        [tenant, monitorId, HITS_KEPT],
      )
      await sql.query(
        "DELETE FROM monitor_checks WHERE tenant = $1 AND monitor_id = $2 AND NOT ok AND at < $3::timestamptz - $4 * interval '1 day'",
        [tenant, monitorId, at, MISSES_KEPT_DAYS],
      )
    }),
  heartbeatMissed: async (miss, monitorId, lastHitAtMs) =>
    await store.transaction(async (sql) => {
      const { tenant, id, startedAtMs } = miss
      await lockTenant(sql, tenant)
      const found = await sql.query(
        "UPDATE monitors SET status = 'down', miss_id = $3 WHERE tenant = $1 AND id = $2 AND last_hit_at IS NOT DISTINCT FROM $4::timestamptz RETURNING 1",
        [tenant, monitorId, id, lastHitAtMs === null ? null : iso(lastHitAtMs)],
      )
      if (found.length === 0) return false
      await sql.query(
        'INSERT INTO monitor_checks (tenant, monitor_id, at, ok, signal_id) VALUES ($1, $2, $3, false, $4) ON CONFLICT DO NOTHING',
        [tenant, monitorId, iso(startedAtMs), id],
      )
      await signals.opened(miss)
      return true
    }),
})
