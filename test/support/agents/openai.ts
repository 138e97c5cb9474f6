// Agents on the OpenAI SDK, one for each of its two APIs: the tools are the product's files as they are.
import OpenAI from 'openai'
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions'
import type { FunctionTool, ResponseInput } from 'openai/resources/responses/responses'
import { fetchFile, type Arguments } from '../../../bench/demo/agent/tool-caller.ts'
import { TASK, type Stage } from './stage.ts'

const clientOf = (stage: Stage): OpenAI => new OpenAI({ apiKey: 'none', baseURL: `${stage.model}/v1`, maxRetries: 0 })

export const playOpenaiChat =
  (query: string) =>
  async (stage: Stage): Promise<void> => {
    const client = clientOf(stage)
    const tools = await fetchFile<ChatCompletionTool[]>(stage.api, 'openai-tools.json', query)
    const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: TASK }]
    for (;;) {
      const {
        choices: [{ message }],
      } = await client.chat.completions.create({ model: 'scripted', messages, tools })
      messages.push(message)
      if (message.tool_calls === undefined) return
      for (const call of message.tool_calls) {
        if (call.type !== 'function') throw new Error(`a call of type ${call.type}`)
        messages.push({
          role: 'tool',
          tool_call_id: call.id,
          content: await stage.call(call.function.name, JSON.parse(call.function.arguments) as Arguments, call.id),
        })
      }
    }
  }

export const playOpenaiResponses =
  (query: string) =>
  async (stage: Stage): Promise<void> => {
    const client = clientOf(stage)
    const tools = await fetchFile<FunctionTool[]>(stage.api, 'openai-responses-tools.json', query)
    const input: ResponseInput = [{ role: 'user', content: TASK }]
    for (;;) {
      const { output } = await client.responses.create({ model: 'scripted', input, tools })
      const calls = output.filter((item) => item.type === 'function_call')
      if (calls.length === 0) return
      for (const call of calls)
        input.push(call, {
          type: 'function_call_output',
          call_id: call.call_id,
          output: await stage.call(call.name, JSON.parse(call.arguments) as Arguments, call.call_id),
        })
    }
  }
