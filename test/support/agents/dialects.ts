// How the vendors' model endpoints take tools and results of tools, and how they ask for a tool: one object each, the same for all.
import type { Value } from '../../../bench/demo/agent/tool-caller.ts'

export interface Offered {
  readonly name: string
  readonly strict: boolean
  readonly schema: { readonly properties: Record<string, { readonly type: string | string[] }>; readonly required: string[] }
}
export interface Move {
  readonly id: string
  readonly name: string
  readonly args: object
}
export interface Dialect<Body> {
  readonly path: string
  offered(body: Body): Offered[]
  /** Answers of tools so far, oldest first. */
  results(body: Body): Value[]
  /** The next call, or the last word. */
  reply(move: Move | null): object
}

const LAST_WORD = 'The incident is resolved and written up.'
const MODEL = 'scripted'
const parse = (text: unknown): Value => JSON.parse(String(text)) as Value

interface ChatBody {
  readonly tools: { readonly type: string; readonly function: { name: string; strict: boolean; parameters: Offered['schema'] } }[]
  readonly messages: { readonly role: string; readonly content: unknown }[]
}
export const chatCompletions: Dialect<ChatBody> = {
  path: '/v1/chat/completions',
  offered: ({ tools }) => tools.map(({ function: { name, strict, parameters } }) => ({ name, strict, schema: parameters })),
  results: ({ messages }) => messages.filter(({ role }) => role === 'tool').map(({ content }) => parse(content)),
  reply: (move) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: MODEL,
    choices: [
      {
        index: 0,
        logprobs: null,
        finish_reason: move === null ? 'stop' : 'tool_calls',
        message:
          move === null
            ? { role: 'assistant', content: LAST_WORD, refusal: null }
            : {
                role: 'assistant',
                content: null,
                refusal: null,
                tool_calls: [{ id: move.id, type: 'function', function: { name: move.name, arguments: JSON.stringify(move.args) } }],
              },
      },
    ],
  }),
}

interface ResponsesBody {
  readonly tools: { readonly type: string; readonly name: string; readonly strict: boolean; readonly parameters: Offered['schema'] }[]
  readonly input: { readonly type?: string; readonly output?: unknown }[]
}
export const responses: Dialect<ResponsesBody> = {
  path: '/v1/responses',
  offered: ({ tools }) => tools.map(({ name, strict, parameters }) => ({ name, strict, schema: parameters })),
  results: ({ input }) => input.filter(({ type }) => type === 'function_call_output').map(({ output }) => parse(output)),
  reply: (move) => ({
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: MODEL,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: false,
    tool_choice: 'auto',
    tools: [],
    output: [
      move === null
        ? {
            type: 'message',
            id: 'msg_1',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: LAST_WORD, annotations: [] }],
          }
        : {
            type: 'function_call',
            id: `fc_${move.id}`,
            call_id: move.id,
            name: move.name,
            arguments: JSON.stringify(move.args),
            status: 'completed',
          },
    ],
  }),
}

interface MessagesBody {
  readonly tools: { readonly name: string; readonly strict: boolean; readonly input_schema: Offered['schema'] }[]
  readonly messages: { readonly content: string | { readonly type: string; readonly content?: unknown }[] }[]
}
export const anthropicMessages: Dialect<MessagesBody> = {
  path: '/v1/messages',
  offered: ({ tools }) => tools.map(({ name, strict, input_schema: schema }) => ({ name, strict, schema })),
  results: ({ messages }) =>
    messages
      .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
      .filter(({ type }) => type === 'tool_result')
      .map(({ content }) => parse(content)),
  reply: (move) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: MODEL,
    stop_sequence: null,
    stop_reason: move === null ? 'end_turn' : 'tool_use',
    usage: { input_tokens: 1, output_tokens: 1 },
    content: [move === null ? { type: 'text', text: LAST_WORD } : { type: 'tool_use', id: move.id, name: move.name, input: move.args }],
  }),
}
