// What came of a monitor's heartbeats: checks, uptime, timeline.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Id, Nullable, Time } from '../schemas/shapes.ts'
import { createMonitorChecks, type CheckPosition } from '../services/monitor-checks.ts'
import { resolveRange } from '../time-range.ts'

const DAY_MS = 86_400_000
/** As long as misses are kept. */
const MAX_RANGE_MS = 90 * DAY_MS

const Check = Type.Object({
  at: Type.String(),
  status: Type.Enum(['up', 'down']),
  endedAt: Type.Optional(Type.String()),
  signalId: Type.Optional(Type.String()),
})
const Stats = Type.Object({
  monitorId: Type.String(),
  uptimePercent: Type.Object({ day: Nullable('number'), week: Nullable('number'), month: Nullable('number') }),
  hits: Type.Integer(),
  misses: Type.Integer(),
  lastHitAt: Nullable('string'),
  averageIntervalSec: Nullable('number'),
})
const Bucket = Type.Object({ from: Type.String(), to: Type.String(), uptimePercent: Nullable('number'), misses: Type.Integer() })

export const monitorCheckRoutes = (app: App, deps: RouteDeps): void => {
  const checks = createMonitorChecks(deps.store)

  app.get(
    '/api/v1/monitors/:id/checks',
    {
      schema: {
        operationId: 'listMonitorChecks',
        tags: ['monitors'],
        summary:
          'Hits and misses, newest first: about the last 1,000 hits, misses of 90 days; hits that were worked off together show as the last of them',
        params: Id,
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })), cursor: Type.Optional(Type.String({ maxLength: 2000 })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ checks: Type.Array(Check), nextCursor: Type.Optional(Type.String()) }), ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { limit = 100, cursor } = request.query
      const filter = { checksOf: request.params.id }
      const before = cursor === undefined ? null : deps.cursors.decode<CheckPosition>(cursor, tenant, filter).key
      const rows = await checks.list(tenant, request.params.id, limit + 1, before)
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        checks: shown,
        ...(rows.length > limit && last !== undefined
          ? { nextCursor: deps.cursors.encode<CheckPosition>({ at: last.at, ok: last.status === 'up' }, tenant, filter) }
          : {}),
      }
    },
  )

  app.get(
    '/api/v1/monitors/:id/stats',
    {
      schema: {
        operationId: 'getMonitorStats',
        tags: ['monitors'],
        summary: 'Uptime over a day, a week and 30 days; a heartbeat has an interval where other checks have a response time',
        params: Id,
        response: { 200: Stats, ...errors },
      },
    },
    async (request) => await checks.stats(principalOf(request).tenant, request.params.id, deps.clock()),
  )

  app.get(
    '/api/v1/monitors/:id/timeline',
    {
      schema: {
        operationId: 'getMonitorTimeline',
        tags: ['monitors'],
        summary: 'Uptime and misses in equal parts of a time range, oldest first; the last 24 hours in 24 parts unless told otherwise',
        params: Id,
        querystring: Type.Object(
          { from: Type.Optional(Time), to: Type.Optional(Time), buckets: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ range: Type.Object({ from: Type.String(), to: Type.String() }), buckets: Type.Array(Bucket) }),
          ...errors,
        },
      },
    },
    async (request) => {
      const { from, to, buckets = 24 } = request.query
      const range = resolveRange(from, to, deps.clock(), DAY_MS)
      if (range.toMs - range.fromMs > MAX_RANGE_MS)
        throw apiError('BAD_TIME_RANGE', 'the range is longer than 90 days', [
          { path: 'from', code: 'too_long', message: 'at most 90 days before to' },
        ])
      return {
        range: { from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() },
        buckets: await checks.timeline(principalOf(request).tenant, request.params.id, range, buckets),
      }
    },
  )
}
