// Anomalies, correlations, status: what analysis has found.
import { Type } from 'typebox'
import { countAnomalies, listAnomalies, type AnomalyPosition, type AnomalyRow } from '../../clickhouse/queries/anomalies.ts'
import { templateOfMetric } from '../../streams/contracts/metric-value.ts'
import type { App } from '../app.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { Correlation, Status } from '../schemas/analysis.ts'
import { Anomaly, errors, Time } from '../schemas/shapes.ts'
import { windowsOfSignals } from '../services/muted-signals.ts'
import { groupsOfSignals, onePerGroup, type SignalGroup } from '../services/signal-groups.ts'
import { resolveRange } from '../time-range.ts'

const RETENTION_MS = 30 * 86_400_000
const iso = (ms: string): string => new Date(Number(ms)).toISOString()

/** What the control plane knows of signals, by their id. */
export interface Context {
  readonly windows: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, SignalGroup>
}
export const contextOf = async (deps: Pick<RouteDeps, 'store'>, tenant: string, rows: readonly AnomalyRow[]): Promise<Context> => {
  const ids = rows.map((row) => row.anomaly_id)
  const [windows, groups] = await Promise.all([windowsOfSignals(deps.store, tenant, ids), groupsOfSignals(deps.store, tenant, ids)])
  return { windows, groups }
}

/** A link over the time around it. */
const patternOf = ({ metric_name: metric, service_id: service, started_at_ms: startedMs }: AnomalyRow) => {
  const id = templateOfMetric(metric)?.pattern
  const from = new Date(Number(startedMs) - 600_000).toISOString()
  return id === undefined ? {} : { pattern: { id, link: `/api/v1/logs/patterns?${new URLSearchParams({ id, service, from }).toString()}` } }
}

export const toAnomaly = (row: AnomalyRow, { windows, groups }: Context) => ({
  anomaly_id: row.anomaly_id,
  kind: row.kind,
  service_id: row.service_id,
  metric_name: row.metric_name,
  anomaly_score: row.anomaly_score,
  z_score: row.z_score,
  detected_at: iso(row.detected_at_ms),
  started_at: iso(row.started_at_ms),
  rca_triggered: row.rca_triggered === 1,
  resolved: row.resolved === 1,
  resolved_at: row.resolved === 1 ? iso(row.resolved_at_ms) : null,
  observed: row.observed,
  expected: row.expected,
  lower: row.lower,
  upper: row.upper,
  history: row.history,
  signal: row.signal,
  summary: row.summary,
  // Whatever it was kept from then, an incident that it has is one that somebody was told of.
  muted: windows.has(row.anomaly_id) && !groups.has(row.anomaly_id),
  maintenance_window_id: windows.get(row.anomaly_id) ?? null,
  signals: row.signals?.map((one) => ({ ...one })) ?? [],
  group_id: groups.get(row.anomaly_id)?.id ?? null,
  ...patternOf(row),
})

const membersOf = (row: AnomalyRow, { groups }: Context) =>
  (groups.get(row.anomaly_id)?.members ?? [{ id: row.anomaly_id, service: row.service_id, summary: row.summary }]).map(
    ({ id, service, summary }) => ({ anomaly_id: id, service_id: service, summary }),
  )

export const analysisRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/anomalies',
    {
      schema: {
        operationId: 'listAnomalies',
        tags: ['analysis'],
        summary: 'Anomalies and alerts, newest first; total counts those of the filter now',
        querystring: Type.Object(
          {
            service_id: Type.Optional(Type.String({ maxLength: 255 })),
            since: Type.Optional(Time),
            until: Type.Optional(Time),
            min_score: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            page_token: Type.Optional(Type.String({ maxLength: 2000 })),
            group: Type.Optional(
              Type.Boolean({ description: 'true = what is one incident as one row, with its members', examples: [true] }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ anomalies: Type.Array(Anomaly), total: Type.Integer(), page_token: Type.Optional(Type.String()) }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const {
        service_id: service = '',
        since,
        until,
        min_score: minScore = 0,
        limit = 50,
        page_token: token,
        group = false,
      } = request.query
      const filter = { service, since: since ?? '', until: until ?? '', minScore, ...(group ? { group } : {}) }
      const page = token === undefined ? null : deps.cursors.decode<AnomalyPosition>(token, tenant, filter)
      const fresh = resolveRange(since, until, deps.clock(), RETENTION_MS)
      const [sinceMs, untilMs] = page?.range ?? [String(fresh.fromMs), String(fresh.toMs)]
      const params = { tenant, service, sinceMs, untilMs, minScore }
      const after = page?.key ?? { detectedMs: String(Number(untilMs) + 1), id: '' }
      const [rows, [counted]] = await Promise.all([
        deps.clickhouse.query(listAnomalies, { ...params, limit: limit + 1, afterMs: after.detectedMs, afterId: after.id }),
        deps.clickhouse.query(countAnomalies, params),
      ])
      const shown = rows.slice(0, limit)
      const context = await contextOf(deps, tenant, shown)
      const told = group ? onePerGroup(shown, context.groups) : shown
      const last = shown.at(-1)
      const more = rows.length > limit && last !== undefined
      return {
        anomalies: told.map((row) => ({ ...toAnomaly(row, context), ...(group ? { members: membersOf(row, context) } : {}) })),
        total: Number(counted.total),
        ...(more
          ? {
              page_token: deps.cursors.encode<AnomalyPosition>({ detectedMs: last.detected_at_ms, id: last.anomaly_id }, tenant, filter, [
                sinceMs,
                untilMs,
              ]),
            }
          : {}),
      }
    },
  )

  app.get(
    '/api/v1/rca/correlations',
    {
      schema: {
        operationId: 'getCorrelations',
        tags: ['analysis'],
        summary: 'Services that move with one, and how that is known',
        querystring: Type.Object(
          { service_id: Type.String({ minLength: 1, maxLength: 255 }), depth: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ service_id: Type.String(), correlations: Type.Array(Correlation) }), ...errors },
      },
    },
    async (request) => {
      const { service_id: service, depth = 3 } = request.query
      const answer = await deps.rca.correlations(principalOf(request).tenant, service, depth, deps.clock())
      return { service_id: answer.service_id, correlations: answer.correlations.map((one) => ({ ...one })) }
    },
  )

  app.get(
    '/api/v1/status',
    { schema: { operationId: 'getStatus', tags: ['analysis'], summary: 'How the parts are', response: { 200: Status, ...errors } } },
    async () => ({ ...(await deps.status()) }) as never,
  )
}
