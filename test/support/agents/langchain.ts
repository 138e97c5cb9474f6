// LangChain tools made of one file: name, description and schema for the model; method, path and parameters_in for the call.
import type { ToolMessage } from '@langchain/core/messages'
import { DynamicStructuredTool } from '@langchain/core/tools'
import { seenOf } from '../../../bench/demo/agent/incident-script.ts'
import { createToolCaller, fetchFile, type Arguments, type Route, type Value } from '../../../bench/demo/agent/tool-caller.ts'
import { TOOLS, type Stage } from './stage.ts'

interface Entry extends Route {
  readonly name: string
  readonly description: string
  readonly schema: Record<string, unknown>
}

export const playLangchain = async (stage: Stage): Promise<void> => {
  const entries = await fetchFile<Entry[]>(stage.api, 'langchain-tools.json', TOOLS)
  const caller = createToolCaller(stage.identity, Object.fromEntries(entries.map((entry) => [entry.name, entry])))
  const tools = new Map(
    entries.map(({ name, description, schema }) => [
      name,
      new DynamicStructuredTool({
        name,
        description,
        schema,
        func: async (args, _run, config) =>
          JSON.stringify(
            (await caller.call(name, args as Arguments, String((config as { toolCall?: { id?: string } } | undefined)?.toolCall?.id)))
              .value,
          ),
      }),
    ]),
  )
  const answers: Value[] = []
  for (const [index, step] of stage.script.entries()) {
    const message = (await tools.get(step.tool)!.invoke({
      type: 'tool_call',
      id: `call_${index}`,
      name: step.tool,
      args: step.args(seenOf(stage.script, answers)),
    })) as unknown as ToolMessage
    answers.push(JSON.parse(String(message.content)) as Value)
  }
}
