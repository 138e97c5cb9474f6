// The MCP endpoint as routes of the API. A tool call becomes a request to our own API as its caller: who may, caps, idempotency and audit are
// the API's, and are nowhere twice.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { roleLevel, operations } from '../operations.ts'
import { principalOf } from '../plugins/authentication.ts'
import { isAllowed, type Tool } from '../tools/derive.ts'
import type { McpDeps, McpEndpoint, Session } from './server.ts'
import { createCallableTool, type CallableTool } from './tool-call.ts'

/** Of the caller's headers, with each call. */
const passedOn = ['authorization', 'x-api-key', 'x-agent-id', 'x-conversation-id', 'user-agent'] as const

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
  let opening: Promise<McpEndpoint> | null = null
  /** The SDK is 200 files: loaded by the first message, not by the start. What failed is tried again by the next. */
  const open = async (): Promise<McpEndpoint> => {
    try {
      return (await import('./server.ts')).createMcpEndpoint(deps)
    } catch (error) {
      opening = null
      throw error
    }
  }
  const endpoint = (): Promise<McpEndpoint> => (opening ??= open())
  app.addHook('onClose', async () => {
    await (await opening)?.close()
  })

  app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      for (const guard of (await endpoint()).guards) if (!reply.sent) await guard.call(scope, request, reply)
    })
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
        await (await endpoint()).handle(request.raw, reply.raw, session, request.body)
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
