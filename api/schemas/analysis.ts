// The shapes of `streams/contracts/rca.ts` as the API answers with them, and the status of the parts.
import { Type } from 'typebox'
import { Nullable } from './shapes.ts'

const of = <T>(value: object, description?: string) =>
  Type.Unsafe<Record<string, T>>({ type: 'object', additionalProperties: value, ...(description === undefined ? {} : { description }) })
const Direction = Type.Enum(['upstream', 'downstream', 'undirected'], {
  description: 'upstream = what the service depends on, downstream = its callers',
})

export const Evidence = Type.Object({
  kind: Type.Enum(['span', 'trace', 'declared', 'correlation', 'anomaly', 'alert', 'template', 'deploy', 'heartbeat']),
  statement: Type.String({ examples: ['412 of 430 calls of checkout to payments failed'] }),
  numbers: of<number>({ type: 'number' }, 'the numbers of the statement'),
  link: Type.String(),
})
export const Correlation = Type.Object({
  related_service: Type.String({ examples: ['payments'] }),
  correlation_score: Type.Number({ examples: [0.91] }),
  lag_minutes: Type.Number({ description: 'below 0: the related service moved first', examples: [-2] }),
  direction: Direction,
})
const Range = Type.Object({ from: Type.String(), to: Type.String() })

const factor = (description: string) => Type.Number({ minimum: 0, maximum: 1, description })
const Factors = Type.Object({
  suspicion: factor('something is wrong here, by its own signals'),
  unexplained: factor('no service that it depends on is as unwell'),
  reached: factor('trouble comes from it along services that are unwell'),
  correlation: factor('it moves together with what was noticed'),
  inTime: factor('it was not later than what was noticed'),
  changed: factor('it was deployed shortly before'),
})

export const Analysis = Type.Object({
  incidentId: Type.String({ examples: ['inc_7f3d2a9c01be'] }),
  generatedAt: Type.String(),
  verdict: Type.Object({
    cause: Type.Unsafe<{ service: string; kind: string; confidence: number } | null>({
      type: ['object', 'null'],
      required: ['service', 'kind', 'confidence'],
      additionalProperties: false,
      examples: [{ service: 'payments', kind: 'errors', confidence: 0.84 }],
      properties: {
        service: { type: 'string' },
        kind: {
          type: 'string',
          enum: ['errors', 'latency', 'resource', 'new_messages', 'traffic_drop', 'traffic_rise', 'alert', 'heartbeat', 'deploy'],
        },
        confidence: { type: 'number', minimum: 0, maximum: 1 },
      },
    }),
    summary: Type.String(),
  }),
  causes: Type.Array(
    Type.Object({
      rank: Type.Integer(),
      service: Type.String(),
      score: Type.Number({ description: 'the product of its factors', examples: [0.84] }),
      factors: Factors,
      evidence: Type.Array(Evidence),
    }),
  ),
  timeline: Type.Array(
    Type.Object({
      at: Type.String(),
      what: Type.String({ examples: ['error rate of payments rises'] }),
      ref: Type.String({ examples: ['anom-7f3d2a9c01be'] }),
    }),
  ),
  similar: Type.Array(
    Type.Object({
      incidentId: Type.String({ examples: ['inc_11aa22bb33cc'] }),
      similarity: Type.Number({ examples: [0.7] }),
      resolution: Type.String({ examples: ['Rolled back payments.'] }),
      because: Type.String({ description: 'what both have', examples: ['services payments; signals "errors up"'] }),
    }),
  ),
  nextChecks: Type.Array(Type.String({ examples: ['Look at the errors of payments'] })),
  links: Type.Object({ blast: Type.String(), graph: Type.String() }),
  window: Range,
})

export const Blast = Type.Object({
  incidentId: Type.String({ examples: ['inc_7f3d2a9c01be'] }),
  root: Type.String({ examples: ['payments'] }),
  impacted: Type.Array(
    Type.Object({
      service: Type.String(),
      owner: Nullable('string'),
      path: Type.Array(Type.String(), { examples: [['payments', 'checkout']] }),
      relation: Direction,
      evidence: Type.Array(Evidence),
    }),
  ),
  edges: Type.Array(
    Type.Object({
      from: Type.String({ examples: ['checkout'] }),
      to: Type.String({ examples: ['payments'] }),
      kind: Type.Enum(['calls', 'correlates']),
      evidence: Type.Array(Evidence),
    }),
  ),
})

/** Parts come and go: what is not named here is told all the same. */
export const Status = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded']),
    version: Type.Optional(Type.String({ examples: ['0.1.0'] })),
    components: Type.Optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        additionalProperties: { type: 'string' },
        examples: [{ watchdog: 'running', rca: 'ready', clickhouse: 'ok' }],
      }),
    ),
    watchdog: Type.Optional(
      Type.Object({ last_run: Nullable('string'), metrics_monitored: Type.Integer(), anomalies_last_hour: Type.Integer() }),
    ),
  },
  { additionalProperties: true },
)
export const Ready = Type.Object({
  status: Type.Literal('ok'),
  dependencies: Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string' },
    examples: [{ clickhouse: 'ok', control_plane: 'ok' }],
  }),
})
export const Health = Type.Object({ status: Type.Literal('ok'), version: Type.Optional(Type.String({ examples: ['0.1.0'] })) })
export const Version = Type.Object({ name: Type.Literal('lapwing'), version: Type.String({ examples: ['0.1.0'] }) })
