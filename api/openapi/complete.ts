// What the routes do not say themselves: every status with an example, parameters in words, access and budget. Pure: description in, description out.
import { errorExample } from '../error-examples.ts'
import { errorCodes, type ErrorName } from '../errors.ts'
import { operations, type Access, type OperationId } from '../operations.ts'
import { ErrorEnvelope } from '../schemas/shapes.ts'
import { toolDefinitions } from '../tools/definitions.ts'
import { errorsOf, isChange, isMutating } from './errors-of.ts'
import { exampleOf, type Schema } from './example.ts'
import { wordingOf } from './wording.ts'

interface Parameter {
  readonly name?: string
  readonly in?: string
  readonly $ref?: string
  readonly description?: string
  readonly example?: unknown
  readonly examples?: unknown
  readonly required?: boolean
  readonly schema?: Schema
}
interface Media {
  readonly schema?: Schema | { readonly $ref: string } | { readonly anyOf: readonly { readonly $ref: string }[] }
  readonly example?: unknown
  readonly examples?: unknown
}
interface Response {
  readonly description?: string
  readonly headers?: object
  readonly content?: Readonly<Record<string, Media>>
}
export interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, Response>>
  readonly security?: readonly object[]
  readonly 'x-agent'?: object
}
export interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: Readonly<Record<string, object>>
}

/** Operations that answer in a second media type when they are asked to. */
const otherMedia: Readonly<Partial<Record<OperationId, { type: string; example: string; only?: true }>>> = {
  metrics: {
    type: 'text/plain; version=0.0.4',
    example: '# HELP lapwing_up 1 while the process works\n# TYPE lapwing_up gauge\nlapwing_up 1\n',
    only: true,
  },
  listAuditLogs: {
    type: 'text/csv',
    example: 'id,createdAt,actorUserId,actorPatId,actorEmail,agentId,conversationId,requestId,action,resource,meta,seq,hash\r\n',
  },
  plotAnomaly: { type: 'image/svg+xml', example: '<svg xmlns="http://www.w3.org/2000/svg"/>', only: true },
  plotSeries: { type: 'image/svg+xml', example: '<svg xmlns="http://www.w3.org/2000/svg"/>', only: true },
  drawIncidentGraph: { type: 'image/svg+xml', example: '<svg xmlns="http://www.w3.org/2000/svg"/>', only: true },
  listErrors: { type: 'text/html', example: '<!doctype html>…' },
}
const successOf: Readonly<Record<string, string>> = {
  200: 'As asked.',
  201: 'Made.',
  204: 'Done; there is nothing to say.',
  304: 'As the caller has it, by If-None-Match.',
}
const requestId = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } }
const limits = {
  ...requestId,
  ...Object.fromEntries(
    [
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'X-PAT-Mut-Limit',
      'X-PAT-Mut-Remaining',
      'X-PAT-Mut-Reset',
      'X-PAT-LogBytes-Limit',
      'X-PAT-LogBytes-Used',
      'X-PAT-LogBytes-Remaining',
      'X-PAT-LogBytes-Reset',
      'RateLimit-Policy',
      'RateLimit',
    ].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  ),
}

/** The framework takes examples out of a schema and puts them beside it. */
const shown = (media: Pick<Media, 'example' | 'examples'> | undefined): unknown =>
  media?.example ?? Object.values((media?.examples ?? {}) as Record<string, { value?: unknown }>)[0]?.value

const describeParameter = (parameter: Parameter, operationId: string): Parameter => {
  if (parameter.schema === undefined || parameter.name === undefined) return parameter
  const { description = parameter.schema.description ?? wordingOf(parameter.name, operationId)?.description } = parameter
  const { examples: _examples, ...rest } = parameter
  return { ...rest, description, example: shown(parameter) ?? exampleOf(parameter.schema, parameter.name, operationId) }
}

const success = (response: Response, status: string, operationId: string): Response => {
  const other = otherMedia[operationId as OperationId]
  const json = response.content?.['application/json']
  const schema = (json?.schema as Schema | undefined)?.anyOf?.[0] ?? json?.schema
  const content = {
    ...(schema === undefined || other?.only === true || status === '204' || status === '304'
      ? {}
      : { 'application/json': { schema, example: shown(json) ?? exampleOf(schema as Schema, '', operationId) } }),
    ...(other === undefined ? {} : { [other.type]: { schema: { type: 'string' }, example: other.example } }),
  }
  return { description: successOf[status] ?? 'As asked.', headers: limits, ...(Object.keys(content).length === 0 ? {} : { content }) }
}

/** Of operations that make something, or answer nothing: their dry run answers with what it would be. */
const dryRun: Response = {
  description: 'With dry_run=true: what would be answered and changed; nothing was.',
  headers: limits,
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/DryRun' },
      example: { dryRun: true, changes: [{ action: 'DELETE_MONITOR', resource: 'monitor:mon_7f3d2a9c01be', diff: {} }] },
    },
  },
}

const failures = (codes: readonly ErrorName[], isRpc: boolean): Record<string, Response> => {
  const schema = isRpc
    ? { anyOf: [{ $ref: '#/components/schemas/Error' }, { $ref: '#/components/schemas/JsonRpcError' }] }
    : { $ref: '#/components/schemas/Error' }
  const byStatus = Object.groupBy(codes, (code) => String(errorCodes[code].status)) as Record<string, ErrorName[]>
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, some]) => {
      const examples = Object.fromEntries(some.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
      const headers = {
        ...(status === '429' ? limits : requestId),
        ...(['429', '503'].includes(status) ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } : {}),
        ...(status === '401' ? { 'WWW-Authenticate': { $ref: '#/components/headers/WwwAuthenticate' } } : {}),
      }
      return [
        status,
        {
          description: some.map((code) => `${code}: ${errorCodes[code].meaning}`).join(' '),
          headers,
          content: {
            'application/json': { schema, examples },
            'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
          },
        },
      ]
    }),
  )
}

/** What an agent has to know before it calls: who may, what it costs, whether it may be repeated or tried out. */
export const agentOf = (method: string, access: Access, query: readonly string[]): object => ({
  scopes: 'public' in access || access.scope === '' ? [] : [access.scope],
  role: 'public' in access ? null : access.role,
  budget: isChange(method, access) ? 'mutations' : 'none',
  readOnly: !isMutating(method),
  idempotent: ['get', 'put', 'delete'].includes(method),
  idempotencyKey: isChange(method, access),
  dryRun: query.includes('dry_run'),
})

const describe = (one: Operation, method: string, path: string): Operation => {
  const { operationId } = one
  const access: Access = operations[operationId as OperationId]
  const query = (one.parameters ?? []).filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name ?? '')
  const body = one.requestBody?.content['application/json']
  const tool = toolDefinitions.find((definition) => definition.operation === operationId)
  const labels = [
    'public' in access ? [] : [{ $ref: '#/components/parameters/AgentId' }, { $ref: '#/components/parameters/ConversationId' }],
    isChange(method, access) ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : [],
  ].flat()
  return {
    ...one,
    security: 'public' in access ? [] : [{ token: [] }, { apiKey: [] }, ...(access.openOnLoopback === true ? [{}] : [])],
    'x-agent': { ...agentOf(method, access, query), ...(tool === undefined ? {} : { tool: tool.name, toolset: tool.toolset }) },
    parameters: [...(one.parameters ?? []).map((parameter) => describeParameter(parameter, operationId)), ...labels],
    ...(body?.schema === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: body.schema, example: shown(body) ?? exampleOf(body.schema as Schema, '', operationId, false) },
            },
          },
        }),
    responses: {
      ...(query.includes('dry_run') ? { 200: dryRun } : {}),
      ...Object.fromEntries(
        Object.entries(one.responses)
          .filter(([status]) => /^(2\d\d|304)$/.test(status))
          .map(([status, response]) => [status, success(response, status, operationId)]),
      ),
      ...failures(errorsOf({ operationId, method, path, query, hasBody: body !== undefined }, access), operationId === 'mcp'),
    },
  }
}

const components = {
  securitySchemes: {
    token: { type: 'http', scheme: 'bearer', description: 'A personal access token: obs_…' },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same token, for clients that cannot set Authorization.' },
  },
  schemas: {
    Error: ErrorEnvelope,
    DryRun: {
      type: 'object',
      required: ['dryRun', 'changes'],
      additionalProperties: true,
      properties: {
        dryRun: { const: true },
        changes: {
          type: 'array',
          items: {
            type: 'object',
            required: ['action', 'resource'],
            additionalProperties: true,
            properties: { action: { type: 'string' }, resource: { type: 'string' } },
          },
        },
      },
    },
    JsonRpcError: {
      type: 'object',
      required: ['jsonrpc', 'error'],
      additionalProperties: true,
      properties: {
        jsonrpc: { const: '2.0' },
        id: {},
        error: { type: 'object', required: ['code', 'message'], properties: { code: { type: 'integer' }, message: { type: 'string' } } },
      },
    },
    Problem: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
      additionalProperties: true,
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        instance: { type: 'string' },
        code: { type: 'string' },
        hint: { type: 'string' },
        request_id: { type: 'string' },
      },
    },
  },
  headers: {
    RequestId: {
      description: 'Of this request, as in the body of an error and in the audit trail.',
      schema: { type: 'string' },
      example: '9f2c4b7a1d3e5f60',
    },
    RetryAfter: { description: 'Seconds after which to try again.', schema: { type: 'integer', minimum: 1 }, example: 1 },
    'X-RateLimit-Limit': { description: 'Requests of the address in a minute.', schema: { type: 'integer' }, example: 60000 },
    'X-RateLimit-Remaining': { description: 'Of these, what is left.', schema: { type: 'integer' }, example: 5999 },
    'X-RateLimit-Reset': {
      description: 'Unix time in seconds at which they are full again.',
      schema: { type: 'integer' },
      example: 1_769_860_860,
    },
    'X-PAT-Mut-Limit': {
      description: 'Changes of the token in a UTC day; absent without a cap.',
      schema: { type: 'integer' },
      example: 200,
    },
    'X-PAT-Mut-Remaining': { description: 'Of these, what is left.', schema: { type: 'integer' }, example: 199 },
    'X-PAT-Mut-Reset': { description: 'Unix time in seconds of the next UTC day.', schema: { type: 'integer' }, example: 1_769_904_000 },
    'X-PAT-LogBytes-Limit': {
      description: 'Bytes of logs of the token in a UTC day, after inflation; absent without a cap.',
      schema: { type: 'integer' },
      example: 104_857_600,
    },
    'X-PAT-LogBytes-Used': { description: 'Of these, what was sent.', schema: { type: 'integer' }, example: 90_000_000 },
    'X-PAT-LogBytes-Remaining': { description: 'Of these, what is left.', schema: { type: 'integer' }, example: 14_857_600 },
    'X-PAT-LogBytes-Reset': {
      description: 'Unix time in seconds of the next UTC day.',
      schema: { type: 'integer' },
      example: 1_769_904_000,
    },
    'RateLimit-Policy': {
      description: 'All limits, as the IETF draft writes them.',
      schema: { type: 'string' },
      example: '"ip";q=60000;w=60, "pat-mut";q=200;w=86400',
    },
    RateLimit: {
      description: 'What is left of each, and for how many seconds.',
      schema: { type: 'string' },
      example: '"ip";r=5999;t=60, "pat-mut";r=199;t=43200',
    },
    WwwAuthenticate: { description: 'How to authenticate.', schema: { type: 'string' }, example: 'Bearer' },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Made once for this change, the same again on a retry: within 24 h the first answer comes back.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
      example: '6f1c2f4e-8a51-4a34-9b0f-0d6d3a3a1c55',
    },
    AgentId: {
      name: 'X-Agent-Id',
      in: 'header',
      required: false,
      description: 'Which agent calls; lands in the audit trail.',
      schema: { type: 'string', pattern: '^[\\w.:-]{1,64}$' },
      example: 'incident-responder',
    },
    ConversationId: {
      name: 'X-Conversation-Id',
      in: 'header',
      required: false,
      description: 'Which run of the agent; lands in the audit trail.',
      schema: { type: 'string', pattern: '^[\\w.:-]{1,64}$' },
      example: 'run-2026-01-31',
    },
  },
  examples: Object.fromEntries(
    (Object.keys(errorCodes) as ErrorName[]).map((code) => [
      code,
      { summary: errorCodes[code].meaning, description: errorCodes[code].hint, value: errorExample(code) },
    ]),
  ),
}

/** HEAD is taken wherever GET is, and not described twice: an operationId is there once. */
export const complete = (description: Description): Description => ({
  ...description,
  components,
  paths: Object.fromEntries(
    Object.entries(description.paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods)
          .filter(([method]) => method !== 'head')
          .map(([method, one]) => [method, describe(one, method, path)]),
      ),
    ]),
  ),
})
