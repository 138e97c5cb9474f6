// An agent on the Anthropic SDK: the tools are the product's file as it is.
import Anthropic from '@anthropic-ai/sdk'
import { fetchFile, type Arguments } from '../../../bench/demo/agent/tool-caller.ts'
import { TASK, type Stage } from './stage.ts'

export const playAnthropic =
  (query: string) =>
  async (stage: Stage): Promise<void> => {
    const client = new Anthropic({ apiKey: 'none', baseURL: stage.model, maxRetries: 0 })
    const tools = await fetchFile<Anthropic.Tool[]>(stage.api, 'anthropic-tools.json', query)
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: TASK }]
    for (;;) {
      const { content, stop_reason: reason } = await client.messages.create({ model: 'scripted', max_tokens: 1000, messages, tools })
      messages.push({ role: 'assistant', content })
      if (reason !== 'tool_use') return
      const results: Anthropic.ToolResultBlockParam[] = []
      for (const call of content.filter((block) => block.type === 'tool_use')) {
        results.push({ type: 'tool_result', tool_use_id: call.id, content: await stage.call(call.name, call.input as Arguments, call.id) })
      }
      messages.push({ role: 'user', content: results })
    }
  }
