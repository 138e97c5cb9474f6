// What is known about one service now: rates, anomalies, neighbours, owner, open incidents. The first question of whoever looks into it.
import { Type } from 'typebox'
import { listAnomalies } from '../../clickhouse/queries/anomalies.ts'
import { serviceRates, type ServiceRateRow } from '../../clickhouse/queries/service-rates.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { Correlation } from '../schemas/analysis.ts'
import { Anomaly, errors, Nullable, Time } from '../schemas/shapes.ts'
import { createServiceDeclarations } from '../services/service-declarations.ts'
import { isCount } from '../../streams/contracts/metric-value.ts'
import { resolveRange } from '../time-range.ts'
import { contextOf, toAnomaly } from './analysis.ts'

const MAX_RANGE_MS = 7 * 86_400_000
const MAX_ANOMALIES = 20
const MAX_INCIDENTS = 20

const Service = Type.Object({ service: Type.String({ minLength: 1, maxLength: 255 }) }, { additionalProperties: false })
const Rate = Type.Object({
  metric: Type.String({ examples: ['log.error_rate'] }),
  perMinute: Type.Number({ examples: [14.2] }),
  perMinuteBefore: Type.Number({ description: 'in the window of the same length before', examples: [0.4] }),
  mean: Nullable('number'),
  meanBefore: Nullable('number'),
})
const OpenIncident = Type.Object({
  id: Type.String({ examples: ['inc_7f3d2a9c01be'] }),
  number: Type.Integer(),
  title: Type.String(),
  severity: Type.String(),
  status: Type.String(),
  openedAt: Type.String(),
})

const Declared = Type.Object(
  {
    owner: Nullable('string'),
    description: Nullable('string'),
    dependsOn: Type.Array(Type.String(), { examples: [['payments']] }),
    dependedOnBy: Type.Array(Type.String(), { description: 'services that say they depend on it; 100 at most', examples: [['frontend']] }),
  },
  { description: 'what people said of it' },
)

const round = (value: number): number => Number(value.toPrecision(4))
/** Counts of events have no mean: only what is measured has. */
const meanOf = (metric: string, total: number, count: number): number | null =>
  !isCount(metric) && count > 0 ? round(total / count) : null
const toRate = (row: ServiceRateRow, minutes: number) => ({
  metric: row.metric,
  perMinute: round(Number(row.count) / minutes),
  perMinuteBefore: round(Number(row.count_before) / minutes),
  mean: meanOf(row.metric, row.total, Number(row.count)),
  meanBefore: meanOf(row.metric, row.total_before, Number(row.count_before)),
})

export const contextRoutes = (app: App, deps: RouteDeps): void => {
  const declarations = createServiceDeclarations(deps.store)
  app.get(
    '/api/v1/context/service/:service',
    {
      schema: {
        operationId: 'getServiceContext',
        tags: ['analysis'],
        summary:
          'One service at a glance: rates beside those of the window before, recent anomalies, neighbours, owner and declared dependencies, open incidents',
        params: Service,
        querystring: Type.Object({ from: Type.Optional(Time), to: Type.Optional(Time) }, { additionalProperties: false }),
        response: {
          200: Type.Object({
            service: Type.String(),
            range: Type.Object({ from: Type.String(), to: Type.String() }),
            rates: Type.Array(Rate),
            anomalies: Type.Array(Anomaly),
            anomaliesTruncated: Type.Boolean(),
            neighbours: Type.Array(Correlation),
            declared: Declared,
            openIncidents: Type.Array(OpenIncident),
            emptyReason: Type.Optional(
              Type.Literal('no_data_in_range', { description: 'the service sent nothing in the range: that is not the same as healthy' }),
            ),
          }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { service } = request.params
      const nowMs = deps.clock()
      const { fromMs, toMs } = resolveRange(request.query.from, request.query.to, nowMs)
      if (toMs - fromMs > MAX_RANGE_MS)
        throw apiError('BAD_TIME_RANGE', 'the range is longer than 7 days', [
          { path: 'from', code: 'too_long', message: 'at most 7 days before to' },
        ])
      const span = Math.max(1000, toMs - fromMs)
      const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000))
      const [rates, anomalies, { correlations }, open, said, dependedOnBy] = await Promise.all([
        deps.clickhouse.query(serviceRates, { tenant, service, before: seconds(fromMs - span), from: seconds(fromMs), to: seconds(toMs) }),
        deps.clickhouse.query(listAnomalies, {
          tenant,
          service,
          sinceMs: String(fromMs),
          untilMs: String(toMs),
          minScore: 0,
          limit: MAX_ANOMALIES + 1,
          afterMs: String(toMs + 1),
          afterId: '',
        }),
        deps.rca.correlations(tenant, service, 1, nowMs),
        Promise.all((['open', 'acknowledged'] as const).map((status) => deps.incidents.list(tenant, { status, limit: 200 }))),
        declarations.find(tenant, service),
        declarations.dependents(tenant, service),
      ])
      const shown = anomalies.slice(0, MAX_ANOMALIES)
      const told = await contextOf(deps, tenant, shown)
      return {
        ...(rates.every((row) => row.count === '0') ? { emptyReason: 'no_data_in_range' } : {}),
        service,
        range: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
        rates: rates.map((row) => toRate(row, span / 60_000)),
        anomalies: shown.map((row) => toAnomaly(row, told)),
        anomaliesTruncated: anomalies.length > MAX_ANOMALIES,
        neighbours: correlations.map((one) => ({ ...one })),
        declared: {
          owner: said?.owner ?? null,
          description: said?.description ?? null,
          dependsOn: [...(said?.dependsOn ?? [])],
          dependedOnBy,
        },
        openIncidents: open
          .flat()
          .filter((one) => one.services.includes(service))
          .slice(0, MAX_INCIDENTS)
          .map(({ id, number, title, severity, status, openedAt }) => ({ id, number, title, severity, status, openedAt })),
      } as never
    },
  )
}
