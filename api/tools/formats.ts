// Tools in the shapes that the vendors take, and how each is called. Pure, and the same bytes for the same tools.
import { lostInStrict, toStrict } from './strict.ts'
import type { Tool } from './derive.ts'

type Format = (tools: readonly Tool[], isStrict: boolean) => unknown

const openai: Format = (tools, strict) =>
  tools.map(({ name, description, input }) => ({
    type: 'function',
    function: { name, description, parameters: strict ? toStrict(input) : input, strict },
  }))
const openaiResponses: Format = (tools, strict) =>
  tools.map(({ name, description, input }) => ({
    type: 'function',
    name,
    description,
    parameters: strict ? toStrict(input) : input,
    strict,
  }))
const anthropic: Format = (tools, strict) =>
  tools.map(({ name, description, input }) => ({ name, description, input_schema: input, strict }))
const langchain: Format = (tools) =>
  tools.map(({ name, description, input, method, path, parametersIn, scopes, isIdempotent, isReadOnly }) => ({
    name,
    description,
    schema: input,
    method,
    path,
    parameters_in: parametersIn,
    scopes,
    idempotent: isIdempotent,
    read_only: isReadOnly,
  }))
const routing: Format = (tools) =>
  Object.fromEntries(
    tools.map(({ name, operationId, method, path, parametersIn, scopes, isIdempotent, isReadOnly, input }) => [
      name,
      {
        operation_id: operationId,
        method,
        path,
        parameters_in: parametersIn,
        scopes,
        idempotent: isIdempotent,
        read_only: isReadOnly,
        null_means_absent: true,
        not_in_strict: lostInStrict(input),
      },
    ]),
  )

export const toolFiles = {
  'openai-tools.json': openai,
  'openai-responses-tools.json': openaiResponses,
  'anthropic-tools.json': anthropic,
  'langchain-tools.json': langchain,
  'tools-routing.json': routing,
} as const satisfies Record<string, Format>
export type ToolFile = keyof typeof toolFiles
