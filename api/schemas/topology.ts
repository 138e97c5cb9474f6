// What people say of services, and the graph of who calls whom.
import { Type } from 'typebox'
import { Evidence } from './analysis.ts'
import { Nullable } from './shapes.ts'

export const ServiceName = Type.String({ minLength: 1, maxLength: 255 })
const dependsOn = Type.Array(ServiceName, {
  maxItems: 200,
  description: 'services that it calls or needs',
  examples: [['payments', 'stock']],
})

export const DeclarationInput = Type.Object(
  {
    owner: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'team or person that is asked about it', examples: ['team-shop'] }),
    ),
    description: Type.Optional(Type.String({ minLength: 1, maxLength: 2000, description: 'what it is for', examples: ['takes orders'] })),
    dependsOn: Type.Optional(dependsOn),
  },
  { additionalProperties: false, examples: [{ owner: 'team-shop', dependsOn: ['payments', 'stock'] }] },
)
export const ServiceDeclaration = Type.Object({
  service: Type.String(),
  owner: Nullable('string'),
  description: Nullable('string'),
  dependsOn,
  updatedBy: Type.String({ examples: ['owner@example.com'] }),
  updatedAt: Type.String({ examples: ['2026-01-31T12:00:00.000Z'] }),
})

const Source = Type.Enum(['span', 'trace', 'declared', 'correlation'], {
  description:
    'span = parent and child; trace = order in shared traces; declared = somebody said so; correlation = they only move together',
})
const seen = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description, examples: ['2026-01-31T11:59:50.000Z'] })
/** Of services and of edges: nothing keeps since when an edge is there, and what is before the range is not read. */
const Seen = {
  firstSeen: seen('when it was first seen within the range; it may be older, which a longer range shows'),
  lastSeen: seen('when it was last seen within the range'),
}
const TopologyService = Type.Object({
  service: Type.String(),
  owner: Nullable('string'),
  seen: Type.Boolean({ description: 'it sent logs or spans in the range' }),
  declared: Type.Boolean({ description: 'somebody said something of it' }),
  records: Type.Integer({ description: 'log records in the range, the last half minute aside', examples: [12_000] }),
  errors: Type.Integer({ description: 'of these, errors', examples: [14] }),
  ...Seen,
})
const TopologyEdge = Type.Object({
  from: Type.String({ description: 'the caller where directed', examples: ['checkout'] }),
  to: Type.String({ examples: ['payments'] }),
  directed: Type.Boolean(),
  kind: Source,
  sources: Type.Array(Source, { description: 'all that it is known by, the best first' }),
  calls: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description:
      'spans (of many an estimate: the evidence says about), or of kind trace traces of those examined; null where nobody counted',
    examples: [412],
  }),
  errors: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'of these calls, those in which the called one failed; null where that is not known',
    examples: [3],
  }),
  ...Seen,
  evidence: Type.Array(Evidence),
})
export const Topology = Type.Object({
  range: Type.Object({ from: Type.String(), to: Type.String() }),
  services: Type.Array(TopologyService),
  edges: Type.Array(TopologyEdge),
  traces: Type.Object(
    { examined: Type.Integer({ examples: [5000] }), found: Type.Integer({ description: 'about how many there are', examples: [41_000] }) },
    { description: 'traces over two services or more: a sample of them when there are many' },
  ),
  truncated: Type.Boolean({ description: 'there are more services or edges than are shown: ask for one service' }),
  emptyReason: Type.Optional(
    Type.Literal('no_data_in_range', { description: 'nothing was sent in the range: that is not the same as no calls' }),
  ),
})
