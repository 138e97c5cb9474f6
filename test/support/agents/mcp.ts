// MCP clients of both eras at /mcp: the SDK of 2026-07-28, and the one before it, which speaks 2025-11-25.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as EarlierClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as EarlierTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { seenOf } from '../../../bench/demo/agent/incident-script.ts'
import type { Arguments, Identity, Value } from '../../../bench/demo/agent/tool-caller.ts'
import { TOOLS, type Stage } from './stage.ts'

export interface McpResult {
  readonly isError?: boolean
  readonly content: readonly { readonly type: string; readonly text: string }[]
  readonly structuredContent: Value
}
export interface McpTool {
  readonly name: string
  readonly annotations?: { readonly readOnlyHint?: boolean }
}
export interface McpSession {
  list(): Promise<readonly McpTool[]>
  call(name: string, args: Arguments): Promise<McpResult>
  close(): Promise<void>
}
export type Connect = (identity: Identity, query?: string) => Promise<McpSession>

const INFO = { name: 'scripted-agent', version: '1.0.0' }
const addressOf = ({ api }: Identity, query = ''): URL => new URL(`${api}/mcp${query}`)
const optionsOf = ({ token, agent, conversation }: Identity) => ({
  requestInit: { headers: { authorization: `Bearer ${token}`, 'X-Agent-Id': agent, 'X-Conversation-Id': conversation } },
})

export const connectMcp: Connect = async (identity, query) => {
  const client = new Client(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await client.connect(new StreamableHTTPClientTransport(addressOf(identity, query), optionsOf(identity)))
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name, args) => (await client.callTool({ name, arguments: { ...args } })) as unknown as McpResult,
    close: () => client.close(),
  }
}
export const connectEarlierMcp: Connect = async (identity, query) => {
  const client = new EarlierClient(INFO)
  await client.connect(new EarlierTransport(addressOf(identity, query), optionsOf(identity)))
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name, args) => (await client.callTool({ name, arguments: { ...args } })) as unknown as McpResult,
    close: () => client.close(),
  }
}

export const playMcp =
  (connect: Connect) =>
  async (stage: Stage): Promise<void> => {
    const session = await connect(stage.identity, TOOLS)
    try {
      const tools = new Map((await session.list()).map((tool) => [tool.name, tool]))
      const answers: Value[] = []
      for (const [index, step] of stage.script.entries()) {
        const key =
          tools.get(step.tool)?.annotations?.readOnlyHint === true ? {} : { idempotency_key: `${stage.identity.conversation}:${index}` }
        const { isError, content, structuredContent } = await session.call(step.tool, {
          ...step.args(seenOf(stage.script, answers)),
          ...key,
        })
        if (isError === true) throw new Error(`${step.tool}: ${content[0].text}`)
        answers.push(structuredContent)
      }
    } finally {
      await session.close()
    }
  }
