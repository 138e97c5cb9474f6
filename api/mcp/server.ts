// The MCP server: Streamable HTTP without sessions, revisions 2026-07-28 and 2025-11-25 from one factory. The only file that imports the SDK.
import type { IncomingMessage, ServerResponse } from 'node:http'
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
import type { Logger } from '../ports.ts'
import type { Schema } from '../openapi/example.ts'
import type { Tool } from '../tools/derive.ts'
import { asTool } from '../tools/in-progress.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import { errorResource, instructions, investigate, readError, readErrors } from './material.ts'
import type { CallableTool, Outcome, Send } from './tool-call.ts'

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
export interface Session {
  readonly principal: Principal
  readonly tools: readonly CallableTool[]
  readonly send: Send
  readonly requestId: string
}

const MINUTE_MS = 60_000
const open = { ttlMs: MINUTE_MS, cacheScope: 'public' } as const
const ofToken = { ttlMs: MINUTE_MS, cacheScope: 'private' } as const

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

export interface McpEndpoint {
  /** Names by which it is not reached are refused: a page of another site may have been given ours. */
  readonly guards: readonly ReturnType<typeof hostHeaderValidation>[]
  /** Answers by itself. */
  handle(request: IncomingMessage, response: ServerResponse, session: Session, body: unknown): Promise<void>
  close(): Promise<void>
}

export const createMcpEndpoint = (deps: McpDeps): McpEndpoint => {
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
  return {
    guards: [hostHeaderValidation([...deps.hosts]), originValidation([...deps.hosts])],
    handle: async (request, response, session, body) => {
      const { tokenId, userId, scopes } = session.principal
      const auth = { token: '', clientId: tokenId || userId, scopes: [...scopes], extra: { session } }
      await node(Object.assign(request, { auth }), response, body)
    },
    close: () => handler.close(),
  }
}
