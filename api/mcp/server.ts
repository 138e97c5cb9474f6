// The MCP endpoint: Streamable HTTP without sessions, revisions 2026-07-28 and 2025-11-25 from one factory. The only file that imports the SDK.
// A tool call becomes a request to our own API as its caller: who may, caps, idempotency and audit are the API's, and are nowhere twice.
import { hostHeaderValidation, originValidation } from '@modelcontextprotocol/fastify'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  fromJsonSchema,
  McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  type McpRequestContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { roleLevel, operations } from '../operations.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { Logger } from '../ports.ts'
import type { Schema } from '../openapi/example.ts'
import { isAllowed, type Tool } from '../tools/derive.ts'
import { asTool } from '../tools/in-progress.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import { errorResource, instructions, investigate, readError, readErrors } from './material.ts'
import { createCallableTool, type CallableTool, type Outcome, type Send } from './tool-call.ts'

export interface McpDeps {
  readonly version: string
  readonly tools: () => readonly Tool[]
  readonly choose: (tools: readonly Tool[], toolset: string | undefined) => readonly Tool[]
  readonly logger: Logger
  /** Names by which the endpoint is reached, as Host and Origin may have them. */
  readonly hosts: readonly string[]
  /** For a test: more than the product offers. */
  readonly extend?: (server: McpServer) => void
}
interface Session {
  readonly principal: Principal
  readonly tools: readonly CallableTool[]
  readonly send: Send
  readonly requestId: string
}

const MINUTE_MS = 60_000
const open = { ttlMs: MINUTE_MS, cacheScope: 'public' } as const
const ofToken = { ttlMs: MINUTE_MS, cacheScope: 'private' } as const
const passedOn = ['authorization', 'x-api-key', 'x-agent-id', 'x-conversation-id', 'user-agent'] as const

/** Arguments are taken as they come: what is wrong with them is said by the tool, with what would be right. */
const advertised = (schema: Schema): StandardSchemaWithJSON<Record<string, unknown>> => {
  const made = fromJsonSchema<Record<string, unknown>>(schema as never)
  return { '~standard': { ...made['~standard'], validate: (value: unknown) => ({ value: (value ?? {}) as Record<string, unknown> }) } }
}

const output = advertised({ type: 'object' })

const budgetOf = (headers: Outcome['headers']): object => {
  const of = (name: string): number | null => (headers[name] === undefined ? null : Number(headers[name]))
  return { mut_remaining: of('x-pat-mut-remaining'), log_bytes_remaining: of('x-pat-logbytes-remaining'), reset: of('x-pat-mut-reset') }
}

const addTools = (server: McpServer, session: Session): void => {
  for (const callable of session.tools) {
    const { tool, input } = callable
    server.registerTool(
      tool.name,
      {
        title: tool.title,
        description: tool.description,
        inputSchema: advertised(input),
        outputSchema: output,
        annotations: {
          title: tool.title,
          readOnlyHint: tool.isReadOnly,
          destructiveHint: false,
          idempotentHint: tool.isIdempotent,
          openWorldHint: false,
        },
      },
      async (args) => {
        const { value, isError, headers } = await asTool(tool.name, () => callable.call(args, session.send, session.requestId))
        return {
          content: [{ type: 'text', text: JSON.stringify(value) }],
          structuredContent: value,
          isError,
          _meta: { 'lapwing/budget': budgetOf(headers), 'lapwing/request_id': headers['x-request-id'] ?? session.requestId },
        }
      },
    )
  }
}

const addMaterial = (server: McpServer): void => {
  const { uri, template, mimeType, title, description } = errorResource
  server.registerResource('errors', uri, { title, description, mimeType, cacheHint: open }, async () => ({
    contents: [{ uri, mimeType, text: readErrors() }],
  }))
  server.registerResource(
    'error',
    new ResourceTemplate(template, { list: undefined }),
    { title: 'One error code', mimeType, cacheHint: open },
    async (at, { code }) => {
      const text = readError(String(code))
      if (text === null) throw new ResourceNotFoundError(at.href)
      return { contents: [{ uri: at.href, mimeType, text }] }
    },
  )
  const argsSchema = advertised({
    type: 'object',
    properties: { id: { type: 'string', description: 'incident id', pattern: '^[\\w-]{1,64}$' } },
    required: ['id'],
    additionalProperties: false,
  })
  server.registerPrompt(
    investigate.name,
    { title: investigate.title, description: investigate.description, argsSchema: argsSchema as never },
    ((args: { id?: unknown }) => ({
      messages: [
        {
          role: 'user',
          content: { type: 'text', text: investigate.text(/^[\w-]{1,64}$/.test(String(args.id)) ? String(args.id) : '<id>') },
        },
      ],
    })) as never,
  )
}

const sessionOf = (
  app: FastifyInstance,
  request: FastifyRequest,
  deps: McpDeps,
  callables: (tools: readonly Tool[]) => readonly CallableTool[],
): Session => {
  const principal = principalOf(request)
  const { toolset } = request.query as { toolset?: string }
  const allowed = deps.choose(deps.tools(), toolset).filter((tool) => {
    const access = operations[tool.operationId]
    return isAllowed(tool, principal.scopes) && ('public' in access || roleLevel[principal.role] >= roleLevel[access.role])
  })
  const headers = Object.fromEntries(
    passedOn.filter((name) => request.headers[name] !== undefined).map((name) => [name, String(request.headers[name])]),
  )
  const client = (request.body as { params?: { _meta?: Record<string, { name?: unknown } | undefined> } } | null)?.params?._meta?.[
    'io.modelcontextprotocol/clientInfo'
  ]?.name
  const agent =
    headers['x-agent-id'] === undefined && typeof client === 'string' && /^[\w.:-]{1,64}$/.test(client) ? { 'x-agent-id': client } : {}
  return {
    principal,
    tools: callables(allowed),
    requestId: request.id,
    send: async (call) => {
      const reply = await app.inject({
        method: call.method as 'GET',
        url: call.url,
        remoteAddress: request.ip,
        headers: { ...headers, ...agent, ...call.headers, accept: 'application/json' },
        ...(call.body === null ? {} : { payload: call.body }),
      })
      return { status: reply.statusCode, headers: reply.headers, body: reply.body }
    },
  }
}

/** To be registered in a scope whose routes are protected: who calls is known before anything of MCP is read. */
export const mcpRoutes = (app: FastifyInstance, deps: McpDeps): void => {
  const made = new Map<Tool, CallableTool>()
  const callables = (tools: readonly Tool[]): readonly CallableTool[] =>
    tools.map((tool) => {
      const callable =
        made.get(tool) ??
        createCallableTool(tool, (requestId, error) => {
          deps.logger.error({ requestId, tool: tool.name, error: error instanceof Error ? error.message : String(error) }, 'tool failed')
        })
      made.set(tool, callable)
      return callable
    })
  const handler = createMcpHandler(
    (context: McpRequestContext) => {
      const session = context.authInfo?.extra?.session as Session
      const server = new McpServer(
        { name: 'lapwing', title: 'Lapwing', version: deps.version },
        {
          instructions,
          cacheHints: {
            'tools/list': ofToken,
            'server/discover': open,
            'prompts/list': open,
            'resources/list': open,
            'resources/templates/list': open,
            'resources/read': open,
          },
        },
      )
      addTools(server, session)
      addMaterial(server)
      deps.extend?.(server)
      return server
    },
    {
      legacy: 'stateless',
      onerror: (error) => {
        deps.logger.warn({ error: error.message }, 'mcp request refused')
      },
    },
  )
  const node = toNodeHandler(handler)
  app.addHook('onClose', async () => {
    await handler.close()
  })

  app.register(async (scope) => {
    scope.addHook('onRequest', hostHeaderValidation([...deps.hosts]))
    scope.addHook('onRequest', originValidation([...deps.hosts]))
    scope.addHook('onSend', async (request, reply, payload) => {
      if (reply.statusCode === 401)
        reply.header(
          'www-authenticate',
          `Bearer resource_metadata="${request.protocol}://${request.host}/.well-known/oauth-protected-resource/mcp"`,
        )
      return payload
    })
    // A message that is not read has no id to answer to; what can be read and is wrong is said by its tool.
    scope.setErrorHandler((error: Error & { code?: string }, request, reply) => {
      if (request.body !== undefined || !['BAD_JSON', 'VALIDATION_FAILED'].includes(error.code ?? '')) throw error
      return reply
        .code(400)
        .type('application/json')
        .send(
          JSON.stringify({
            jsonrpc: '2.0',
            id: null,
            error: { code: -32700, message: error.code === 'BAD_JSON' ? 'Parse error' : `Parse error: ${error.message}` },
          }),
        )
    })
    scope.post(
      '/mcp',
      {
        config: { isStream: true },
        schema: {
          operationId: 'mcp',
          tags: ['agents'],
          summary: 'MCP, Streamable HTTP: one JSON-RPC message; the tools of /openapi/tools-index.json',
          body: { type: ['object', 'array'], examples: [{ jsonrpc: '2.0', id: 1, method: 'tools/list' }] },
          querystring: {
            type: 'object',
            properties: {
              toolset: {
                type: 'string',
                maxLength: 200,
                description: 'all, or some toolsets with commas between; core unless told otherwise',
                examples: ['core'],
              },
            },
            additionalProperties: false,
          },
          response: {
            200: { type: 'object', additionalProperties: true, examples: [{ jsonrpc: '2.0', id: 1, result: { tools: [] } }] },
            202: { type: 'null' },
          },
        },
      },
      async (request, reply) => {
        const session = sessionOf(app, request, deps, callables)
        for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
        reply.hijack()
        const raw = Object.assign(request.raw, {
          auth: {
            token: '',
            clientId: session.principal.tokenId || session.principal.userId,
            scopes: [...session.principal.scopes],
            extra: { session },
          },
        })
        await node(raw, reply.raw, request.body)
      },
    )
  })

  app.get(
    '/.well-known/oauth-protected-resource/mcp',
    {
      schema: {
        operationId: 'getMcpMetadata',
        tags: ['agents'],
        summary: 'What /mcp is as an OAuth resource (RFC 9728): a bearer token in the header, one of ours',
        response: {
          200: {
            type: 'object',
            required: ['resource', 'bearer_methods_supported'],
            additionalProperties: true,
            properties: { resource: { type: 'string' }, bearer_methods_supported: { type: 'array', items: { type: 'string' } } },
            examples: [
              {
                resource: 'http://127.0.0.1:8080/mcp',
                resource_name: 'Lapwing',
                bearer_methods_supported: ['header'],
                scopes_supported: ['logs:read'],
              },
            ],
          },
        },
      },
    },
    async (request) => ({
      resource: `${request.protocol}://${request.host}/mcp`,
      resource_name: 'Lapwing',
      bearer_methods_supported: ['header'],
      resource_documentation: `${request.protocol}://${request.host}/docs`,
      scopes_supported: [...new Set(deps.tools().flatMap((tool) => tool.scopes))].sort(),
    }),
  )
}
