// What analysis asks of the control plane: incident grouping, heartbeat monitors, states of alerts.
import type { AlertState, ControlPlane, HeartbeatMonitor } from '../../streams/contracts/control-plane.ts'
import type { Store } from '../store/store.ts'
import { createHeartbeatState } from './heartbeat-state.ts'
import { createGrouping, type Grouping } from './signal-grouping.ts'

interface StoredMonitor {
  id: string
  tenant: string
  name: string
  service: string | null
  interval_sec: number
  grace_sec: number
  alert_labels: Record<string, string> | null
  created_at: Date
  last_hit_at: Date | null
  status: HeartbeatMonitor['status']
  miss_id: string | null
}

const toMonitor = (row: StoredMonitor): HeartbeatMonitor => ({
  id: row.id,
  tenant: row.tenant,
  name: row.name,
  service: row.service ?? row.name,
  intervalMs: row.interval_sec * 1000,
  graceMs: row.grace_sec * 1000,
  alertLabels: row.alert_labels,
  createdAtMs: row.created_at.getTime(),
  lastHitAtMs: row.last_hit_at?.getTime() ?? null,
  status: row.status,
  missId: row.miss_id,
})

const createStates = (store: Store): Pick<ControlPlane, 'heartbeatMonitors' | 'alertState' | 'saveAlertState' | 'staleAlerts'> => ({
  // Every tenant's, on purpose: the judge of misses works for all of them.
  heartbeatMonitors: async () =>
    (
      await store.query<StoredMonitor>(
        'SELECT id, tenant, name, service, interval_sec, grace_sec, alert_labels, created_at, last_hit_at, status, miss_id FROM monitors',
      )
    ).map(toMonitor),
  alertState: async (tenant, fingerprint) =>
    (
      await store.query<{ state: AlertState }>('SELECT state FROM alert_states WHERE tenant = $1 AND fingerprint = $2', [
        tenant,
        fingerprint,
      ])
    )[0]?.state ?? null,
  saveAlertState: async (tenant, fingerprint, state) => {
    await store.query(
      `INSERT INTO alert_states AS a (tenant, fingerprint, status, last_seen_at, state) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (tenant, fingerprint) DO UPDATE SET status = excluded.status, last_seen_at = excluded.last_seen_at, state = excluded.state
       WHERE split_part(a.state->>'position', ':', 1) <> split_part(excluded.state->>'position', ':', 1)
         OR (split_part(a.state->>'position', ':', 2)::bigint, split_part(a.state->>'position', ':', 3)::bigint) <= (split_part(excluded.state->>'position', ':', 2)::bigint, split_part(excluded.state->>'position', ':', 3)::bigint)`,
      [tenant, fingerprint, state.status, new Date(state.lastSeenAtMs).toISOString(), JSON.stringify(state)],
    )
  },
  staleAlerts: async (atMs, unseenForMs) =>
    await store.query<{ tenant: string; fingerprint: string; state: AlertState }>(
      `SELECT tenant, fingerprint, state FROM alert_states WHERE status = 'firing'
         AND last_seen_at + LEAST($2::float8, (state->>'activeForMs')::float8) * interval '1 millisecond' < $1`,
      [new Date(atMs).toISOString(), unseenForMs],
    ),
})

export const createControlPlane = (
  store: Store,
  config: { readonly cooldownMs: number; readonly clock: () => number },
): ControlPlane & Grouping => {
  const grouping = createGrouping(store, config)
  return { ...grouping, ...createHeartbeatState(store, grouping), ...createStates(store) }
}
