// Who calls whom, and how that is known.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { ServiceName, Topology } from '../schemas/topology.ts'
import { resolveRange } from '../time-range.ts'

const MAX_RANGE_MS = 86_400_000

export const topologyRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/context/topology',
    {
      schema: {
        operationId: 'getTopology',
        tags: ['analysis'],
        summary:
          'The services of a time range and who calls whom: by spans, shared traces and declarations, each with counts, evidence and when it was first and last seen in that range',
        querystring: Type.Object(
          {
            service: Type.Optional({ ...ServiceName, description: 'only what is at most depth calls away from it, in either direction' }),
            depth: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: 10,
                description: 'how far from service, 1 unless told otherwise; without service there is nothing to be far from',
                examples: [2],
              }),
            ),
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            correlation: Type.Optional(
              Type.Boolean({
                description: 'true = also services that merely moved together in the last 30 minutes of the range',
                examples: [true],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Topology, ...errors },
      },
    },
    async (request) => {
      const { service, depth = 1, from, to, correlation = false } = request.query
      const { fromMs, toMs } = resolveRange(from, to, deps.clock())
      if (toMs - fromMs > MAX_RANGE_MS)
        throw apiError('BAD_TIME_RANGE', 'the range is longer than a day', [
          { path: 'from', code: 'too_long', message: 'at most 24 hours before to' },
        ])
      const answer = await deps.rca.topology(principalOf(request).tenant, { service: service ?? null, depth, fromMs, toMs, correlation })
      const empty = answer.services.every((one) => !one.seen) && answer.edges.every((edge) => edge.kind === 'declared')
      return {
        ...(empty ? { emptyReason: 'no_data_in_range' } : {}),
        range: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
        ...answer,
      } as never
    },
  )
}
