// The tools as files that an agent's framework reads: a small set unless told otherwise, the same bytes until the tools change.
import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import type { OperationId } from '../operations.ts'
import { nearest } from '../nearest.ts'
import type { RouteDeps } from '../ports.ts'
import { errors } from '../schemas/shapes.ts'
import { TOOLSETS, type Toolset } from '../tools/definitions.ts'
import { isAllowed, type Tool } from '../tools/derive.ts'
import { toolFiles, type ToolFile } from '../tools/formats.ts'

const Choice = Type.Object(
  {
    toolset: Type.Optional(
      Type.String({
        maxLength: 200,
        description: `all, or some of ${TOOLSETS.join(', ')} with commas between; core unless told otherwise`,
        examples: ['core,incidents'],
      }),
    ),
    scopes: Type.Optional(
      Type.String({
        maxLength: 1000,
        description: 'only tools that a token with these scopes may use, with commas between',
        examples: ['logs:read,incidents:*'],
      }),
    ),
    strict: Type.Optional(
      Type.Enum(['0', '1'], { description: '1 = for strict mode: every property required, optional ones nullable', examples: ['1'] }),
    ),
  },
  { additionalProperties: false },
)
type Asked = { readonly toolset?: string; readonly scopes?: string; readonly strict?: '0' | '1' }

const toToolsets = (text: string): readonly Toolset[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .flatMap((name) => {
      if (name === 'all') return [...TOOLSETS]
      const known = TOOLSETS.find((one) => one === name)
      if (known !== undefined) return [known]
      const allowed = ['all', ...TOOLSETS]
      const meant = nearest(name, allowed)
      throw apiError('VALIDATION_FAILED', 'querystring: toolset has a name that is none', [
        {
          path: 'toolset',
          code: 'invalid_literal',
          message: `Expected some of ${allowed.join(', ')}`,
          allowed,
          ...(meant === null ? {} : { nearest: meant }),
          example: `GET /openapi/openai-tools.json?toolset=${meant ?? 'core'}`,
        },
      ])
    })
export const chooseTools = (tools: readonly Tool[], { toolset = 'core', scopes }: Asked): readonly Tool[] => {
  const wanted = toToolsets(toolset)
  const allowed = scopes?.split(',').map((scope) => scope.trim())
  return tools.filter((tool) => wanted.includes(tool.toolset) && (allowed === undefined || isAllowed(tool, allowed)))
}

const etagOf = (text: string): string => `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
const send = (request: FastifyRequest, reply: FastifyReply, content: unknown): FastifyReply => {
  const text = JSON.stringify(content)
  const etag = etagOf(text)
  reply.header('etag', etag).header('cache-control', 'public, max-age=60, must-revalidate').type('application/json; charset=utf-8')
  if ((request.headers['if-none-match'] ?? '').split(/\s*,\s*/).some((one) => one.replace(/^W\//, '') === etag))
    return reply.code(304).send()
  return reply.serializer(String).send(text)
}

const whoami = { name: 'obs_whoami', description: 'What this token may do.' }
const nothing = { type: 'object', properties: {}, required: [], additionalProperties: false }
const call = { method: 'GET', path: '/api/v1/rbac/permissions', parameters_in: {}, scopes: [], idempotent: true, read_only: true }
const described = Object.entries({
  'openai-tools.json': {
    operationId: 'getOpenaiTools',
    summary: 'The tools for OpenAI Chat Completions',
    example: [{ type: 'function', function: { ...whoami, parameters: nothing, strict: false } }],
  },
  'openai-responses-tools.json': {
    operationId: 'getOpenaiResponsesTools',
    summary: 'The tools for the OpenAI Responses API',
    example: [{ type: 'function', ...whoami, parameters: nothing, strict: false }],
  },
  'anthropic-tools.json': {
    operationId: 'getAnthropicTools',
    summary: 'The tools for Anthropic Messages',
    example: [{ ...whoami, input_schema: nothing, strict: false }],
  },
  'langchain-tools.json': {
    operationId: 'getLangchainTools',
    summary: 'The tools for LangChain, with method, path and where each argument goes',
    example: [{ ...whoami, schema: nothing, ...call }],
  },
  'tools-routing.json': {
    operationId: 'getToolsRouting',
    summary: 'How each tool is called over HTTP: method, path, and where each argument goes',
    example: { obs_whoami: { operation_id: 'getPermissions', ...call, null_means_absent: true, not_in_strict: [] } },
  },
} satisfies Record<ToolFile, { operationId: OperationId; summary: string; example: unknown }>) as [
  ToolFile,
  { operationId: string; summary: string; example: unknown },
][]

/** `tools` are known when every route is registered. */
export const toolFileRoutes = (app: App, deps: RouteDeps, tools: () => readonly Tool[]): void => {
  for (const [file, { operationId, summary, example }] of described) {
    app.get(
      `/openapi/${file}`,
      {
        schema: {
          operationId,
          tags: ['agents'],
          summary,
          querystring: Choice,
          response: { 200: Type.Unsafe<unknown>({ type: ['array', 'object'], examples: [example] }), 304: Type.Null(), ...errors },
        },
      },
      async (request, reply) =>
        send(request, reply, toolFiles[file](chooseTools(tools(), request.query), request.query.strict === '1')) as never,
    )
  }

  app.get(
    '/openapi/tools-index.json',
    {
      schema: {
        operationId: 'listTools',
        tags: ['agents'],
        summary: 'Every tool and every file of them, with the address of the API and a hash that changes when a tool does',
        querystring: Type.Omit(Choice, ['strict']),
        response: {
          200: Type.Object({
            name: Type.Literal('lapwing'),
            version: Type.String({ examples: ['0.1.0'] }),
            base_url: Type.String({ examples: ['http://127.0.0.1:8080'] }),
            hash: Type.String({ examples: ['3q2-7w'] }),
            mcp: Type.String({ examples: ['/mcp'] }),
            files: Type.Unsafe<Record<string, string>>({
              type: 'object',
              additionalProperties: { type: 'string' },
              examples: [{ 'openai-tools.json': '/openapi/openai-tools.json' }],
            }),
            toolsets: Type.Unsafe<Record<string, string[]>>({
              type: 'object',
              additionalProperties: { type: 'array', items: { type: 'string' } },
              examples: [{ core: ['obs_whoami'] }],
            }),
            tools: Type.Array(
              Type.Object({
                name: Type.String({ examples: ['obs_whoami'] }),
                title: Type.String(),
                toolset: Type.String({ examples: ['core'] }),
                scopes: Type.Array(Type.String()),
                read_only: Type.Boolean(),
                operation_id: Type.String({ examples: ['getPermissions'] }),
              }),
            ),
          }),
          304: Type.Null(),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const chosen = chooseTools(tools(), { toolset: 'all', ...request.query })
      return send(request, reply, {
        name: 'lapwing',
        version: deps.config.version,
        base_url: `${request.protocol}://${request.host}`,
        hash: etagOf(JSON.stringify(tools())).slice(1, -1),
        mcp: '/mcp',
        files: Object.fromEntries(described.map(([file]) => [file, `/openapi/${file}`])),
        toolsets: Object.fromEntries(
          TOOLSETS.map((toolset) => [toolset, chosen.filter((tool) => tool.toolset === toolset).map(({ name }) => name)]),
        ),
        tools: chosen.map(({ name, title, toolset, scopes, isReadOnly, operationId }) => ({
          name,
          title,
          toolset,
          scopes,
          read_only: isReadOnly,
          operation_id: operationId,
        })),
      }) as never
    },
  )
}
