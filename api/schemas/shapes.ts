// The shapes that several routes answer with or take.
import { Type } from 'typebox'

export const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false })
/** RFC 3339 with a zone, or now-15m: the wording of from, to, since and until says so. */
export const Time = Type.String({ maxLength: 40 })

/** Of calls that take nothing: no body, or an empty object. */
export const NoBody = Type.Unsafe<null | undefined | Record<string, never>>({
  type: ['object', 'null'],
  properties: {},
  additionalProperties: false,
})

export const ErrorEnvelope = Type.Object(
  {
    error: Type.String(),
    code: Type.String(),
    hint: Type.Optional(Type.String()),
    request_id: Type.String(),
    fields: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String(),
          code: Type.String(),
          message: Type.String(),
          allowed: Type.Optional(Type.Array(Type.Unknown())),
          nearest: Type.Optional(Type.String({ description: 'the allowed value that was probably meant' })),
          example: Type.Optional(Type.String({ description: 'a call, or a value of the field, that would do' })),
          position: Type.Optional(Type.Integer({ description: 'where in the text, from 0' })),
          found: Type.Optional(Type.String({ description: 'what stands there' })),
        }),
      ),
    ),
  },
  { additionalProperties: true },
)
export const ErrorEntry = Type.Object({
  code: Type.String(),
  status: Type.Integer(),
  meaning: Type.String(),
  hint: Type.String(),
  retryable: Type.Boolean(),
  example: ErrorEnvelope,
})
export const errors = { '4xx': ErrorEnvelope, '5xx': ErrorEnvelope }

export const Nullable = (type: 'string' | 'number' | 'object'): ReturnType<typeof Type.Unsafe> => Type.Unsafe({ type: [type, 'null'] })

export const Incident = Type.Object({
  id: Type.String(),
  number: Type.Integer(),
  title: Type.String(),
  severity: Type.String(),
  status: Type.String(),
  openedAt: Type.String(),
  acknowledgedAt: Type.Optional(Type.String()),
  resolvedAt: Type.Optional(Type.String()),
  autoResolved: Type.Boolean(),
  services: Type.Array(Type.String()),
  signals: Type.Array(
    Type.Object({
      kind: Type.String(),
      id: Type.String(),
      service: Type.String(),
      summary: Type.String(),
      startedAt: Type.String(),
      endedAt: Type.Optional(Type.String()),
    }),
  ),
  updates: Type.Array(Type.Object({ at: Type.String(), by: Type.String(), status: Type.Optional(Type.String()), body: Type.String() })),
  postmortem: Type.Optional(Type.String()),
  links: Type.Object({ analysis: Type.String(), blast: Type.String(), graph: Type.String() }),
})

export const Monitor = Type.Object({
  id: Type.String(),
  name: Type.String(),
  type: Type.Literal('heartbeat'),
  service: Type.String(),
  intervalSec: Type.Integer(),
  heartbeatGraceSec: Type.Integer(),
  alertLabels: Type.Unsafe({ type: ['object', 'null'], additionalProperties: { type: 'string' } }),
  tags: Type.Array(Type.String()),
  status: Type.String(),
  lastHitAt: Nullable('string'),
  createdAt: Type.String(),
})

export const TokenSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  dailyMutationLimit: Nullable('number'),
  dailyLogBytesLimit: Nullable('number'),
  expiresAt: Nullable('string'),
  createdAt: Type.String(),
  lastUsedAt: Nullable('string'),
})

export const ApiKey = Type.Object({
  key_id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  scope: Type.String(),
  rate_limit_rps: Nullable('number'),
  created_at: Type.String(),
  expires_at: Nullable('string'),
  last_used_at: Nullable('string'),
})

export const AuditRow = Type.Object({
  id: Type.Integer(),
  createdAt: Type.String(),
  actorUserId: Nullable('string'),
  actorPatId: Nullable('string'),
  actorEmail: Nullable('string'),
  agentId: Nullable('string'),
  conversationId: Nullable('string'),
  requestId: Nullable('string'),
  action: Type.String(),
  resource: Type.String(),
  meta: Type.Object({}, { additionalProperties: true }),
  seq: Nullable('number'),
  hash: Nullable('string'),
})

export const Anomaly = Type.Object({
  anomaly_id: Type.String(),
  kind: Type.String(),
  service_id: Type.String(),
  metric_name: Type.String(),
  anomaly_score: Type.Number(),
  z_score: Type.Number(),
  detected_at: Type.String(),
  started_at: Type.String(),
  rca_triggered: Type.Boolean(),
  resolved: Type.Boolean(),
  resolved_at: Nullable('string'),
  observed: Type.Number(),
  expected: Type.Number(),
  lower: Type.Number(),
  upper: Type.Number(),
  history: Type.Integer(),
  signal: Type.String(),
  summary: Type.String(),
  muted: Type.Boolean({
    description:
      'a maintenance window has kept it from opening an incident; false once it outlasts the window and has one (group_id) after all',
  }),
  maintenance_window_id: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'the window that keeps it back, or kept it back',
    examples: ['mnt_7f3d2a9c01be'],
  }),
  signals: Type.Array(Type.Object({ name: Type.String({ examples: ['rolling_z'] }), share: Type.Number({ examples: [1] }) }), {
    description: 'which signals of the detector made it, with their share',
  }),
  group_id: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'the incident that it is part of',
    examples: ['inc_7f3d2a9c01be'],
  }),
  pattern: Type.Optional(
    Type.Object(
      {
        id: Type.String({ examples: ['ptn-1f0c3a9be2d47756'] }),
        link: Type.String({ examples: ['/api/v1/logs/patterns?id=ptn-1f0c3a9be2d47756&service=checkout'] }),
      },
      { description: 'the message whose rate it is' },
    ),
  ),
  members: Type.Optional(
    Type.Array(Type.Object({ anomaly_id: Type.String(), service_id: Type.String(), summary: Type.String() }), {
      description: 'with group=true: all of its event, itself included',
    }),
  ),
})

export const LogEvent = Type.Object({
  id: Type.String(),
  ts: Type.String(),
  observedTs: Type.String(),
  level: Type.String(),
  severityNumber: Type.Integer(),
  service: Type.String(),
  host: Type.Optional(Type.String()),
  message: Type.String(),
  traceId: Type.Optional(Type.String()),
  spanId: Type.Optional(Type.String()),
  eventName: Type.Optional(Type.String()),
  attrs: Type.Object({}, { additionalProperties: true }),
  resource: Type.Object({}, { additionalProperties: true }),
})
/** Shapes that root-cause analysis defines in its own contract. */
export const Any = Type.Object({}, { additionalProperties: true })
