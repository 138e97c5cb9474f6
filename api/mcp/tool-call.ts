// One call of a tool: read leniently, checked, sent to the API as its caller, shown within a budget of bytes. What goes wrong is an answer too.
import { Ajv, type ValidateFunction } from 'ajv'
import { errorCodes, type FieldError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { Schema } from '../openapi/example.ts'
import { exampleCall, toField, type Asked, type Validation } from '../plugins/teaching.ts'
import type { Tool } from '../tools/derive.ts'
import { correctedArguments } from './corrected.ts'
import { explainEmpty } from './emptiness.ts'
import { columnsOf, DEFAULT_BYTES, MAX_BYTES, present, rowsOf, type Answer, type Wish } from './present.ts'
import { repair } from './repair.ts'
import { toCall, type ApiCall } from './request.ts'
import { shapes, type Shape } from './shapes.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}
/** Carries a call out as whoever called the tool. */
export type Send = (call: ApiCall) => Promise<Reply>
export interface Outcome {
  readonly isError: boolean
  readonly value: Record<string, unknown>
  readonly headers: Readonly<Record<string, unknown>>
}
export interface CallableTool {
  readonly tool: Tool
  readonly input: Schema
  call(given: Readonly<Record<string, unknown>>, send: Send, requestId: string): Promise<Outcome>
}

const MIN_BYTES = 2048
/** For what is said beside the rows. */
const RESERVE_BYTES = 700
const ROWS = 50
const LOG_PART = 8000

const reading = {
  detail: { type: 'string', enum: ['concise', 'detailed'], description: 'concise by default' },
  fields: { type: 'array', items: { type: 'string' }, maxItems: 40, description: 'only these columns' },
  max_bytes: { type: 'integer', minimum: MIN_BYTES, maximum: MAX_BYTES, description: `${DEFAULT_BYTES} by default` },
} satisfies Record<string, Schema>

/** How much of an answer is shown is asked for only where there is a choice. */
const toInput = (tool: Tool, shape: Shape): Schema => {
  if (!tool.isReadOnly) return tool.input
  const { detail, fields, max_bytes } = reading
  return {
    ...tool.input,
    properties: {
      ...tool.input.properties,
      ...(shape.concise === undefined ? {} : { detail }),
      ...(shape.isTable === true ? {} : { fields }),
      max_bytes,
    },
  }
}

const defaultsOf = (tool: Tool): Readonly<Record<string, unknown>> => ({
  ...('limit' in tool.parametersIn ? { limit: ROWS } : {}),
  ...(tool.operationId === 'getLog' ? { length: LOG_PART } : {}),
})

const parse = (body: string): Answer => {
  const value: unknown = body === '' ? {} : JSON.parse(body)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : { value }
}

/** The envelope of the API, with examples that a caller of tools can follow. */
const refusal = (reply: Reply, asked: Asked): Record<string, unknown> => {
  const body = parse(reply.body) as Record<string, unknown> & { fields?: readonly FieldError[] }
  const after = Number(reply.headers['retry-after'])
  return {
    ...body,
    ...(body.fields === undefined
      ? {}
      : {
          fields: body.fields.map((field) => ({
            ...field,
            example: exampleCall(asked, '', correctedArguments(field, asked.tool!.input, asked.operationId)),
          })),
        }),
    retryable: reply.status === 429 || reply.status >= 500,
    ...(after > 0 ? { retry_after_s: after } : {}),
  }
}

const invalid = (field: FieldError): Outcome => ({
  isError: true,
  headers: {},
  value: {
    error: `${field.path || 'value'}: ${field.message}`,
    code: 'VALIDATION_FAILED',
    fields: [field],
    hint: errorCodes.VALIDATION_FAILED.hint,
    retryable: false,
  },
})

/** A page that is too long is asked for again, shorter, so that its cursor is the one of its last row. */
const fitPage = async (
  first: Answer,
  shape: Shape,
  wish: Wish,
  again: ((limit: number) => Promise<Answer | null>) | null,
): Promise<Record<string, unknown>> => {
  let shown = present(first, shape, wish)
  for (let attempt = 0; attempt < 3 && shown.fitting !== null && again !== null; attempt++) {
    const shorter = await again(shown.fitting)
    if (shorter === null) break
    const next = present(shorter, shape, wish)
    const page = { ...next.value, truncated: true, truncated_reason: 'max_bytes' }
    if (next.fitting === null) return page
    shown = next
  }
  return shown.value
}

/** A part of a long message that was cut is asked for again, shorter, so that the next one begins where it ends. */
const fitPart = async (
  first: Readonly<Record<string, unknown>>,
  args: Readonly<Record<string, unknown>>,
  again: (length: number) => Promise<Record<string, unknown> | null>,
): Promise<Record<string, unknown>> => {
  let [value, length] = [first, Number(args.length)]
  while (length > 256 && (value.cut as readonly { field: string }[] | undefined)?.some(({ field }) => field === 'message') === true) {
    length = Math.floor(length / 2)
    value = (await again(length)) ?? value
  }
  const next = Number(args.offset ?? 0) + length
  return { ...value, ...(next < Number(value.messageLength) ? { next_offset: next } : {}) }
}

const unknownColumn = (answer: Answer, shape: Shape, wish: Wish): { name: string; allowed: readonly string[] } | null => {
  const rows = shape.list === undefined ? [answer] : rowsOf(answer, shape)
  const allowed = [...new Set([...columnsOf(rows), ...(shape.concise ?? [])])]
  const name = rows.length === 0 ? undefined : wish.fields?.find((field) => !allowed.includes(field))
  return name === undefined ? null : { name, allowed }
}

/** Where the route says itself why there is nothing. */
const explained = (answer: Answer): object | null =>
  answer.emptyReason === undefined
    ? null
    : {
        empty_reason: answer.emptyReason,
        ...(answer.nearestDataAt === undefined ? {} : { nearest_data_at: answer.nearestDataAt }),
        ...(answer.unknownFields === undefined ? {} : { unknown_fields: answer.unknownFields }),
      }

const SELECTING = ['from', 'to', 'service', 'filter']
/** More than a page of records is better counted than read. */
const hintOf = (tool: Tool, value: Answer, args: Readonly<Record<string, unknown>>): object => {
  if (
    tool.operationId !== 'searchLogs' ||
    value.has_more !== true ||
    args.cursor !== undefined ||
    args.q !== undefined ||
    args.severity_min !== undefined
  )
    return {}
  const same = Object.fromEntries(Object.entries(args).filter(([name]) => SELECTING.includes(name)))
  const call = `obs_logs_aggregate ${JSON.stringify({ ...same, by: ['service', 'severity'] })}`
  return call.length > 400 ? {} : { hint: `There is more than this page; for counts: ${call}` }
}

/** Nothing that was thrown reaches the caller: its text may name hosts and passwords. */
const failed = (requestId: string): Outcome => ({
  isError: true,
  headers: {},
  value: {
    error: 'something of ours went wrong',
    code: 'INTERNAL',
    hint: errorCodes.INTERNAL.hint,
    request_id: requestId,
    retryable: true,
  },
})

export const createCallableTool = (tool: Tool, onFailure: (requestId: string, error: unknown) => void): CallableTool => {
  const shape = shapes[tool.operationId] ?? {}
  const input = toInput(tool, shape)
  const validate: ValidateFunction = new Ajv({ verbose: true, strict: false }).compile(input)
  const asked: Asked = {
    method: tool.method,
    route: tool.path,
    operationId: tool.operationId,
    part: 'arguments',
    tool: { name: tool.name, input },
    schemas: {},
  }

  const read = async (wish: Wish, args: Readonly<Record<string, unknown>>, reply: Reply, send: Send): Promise<Outcome> => {
    const answer = parse(reply.body)
    const ask = async (other: Readonly<Record<string, unknown>>): Promise<Answer | null> => {
      const again = await send(toCall(tool, other))
      return again.status < 400 ? parse(again.body) : null
    }
    const unknown = unknownColumn(answer, shape, wish)
    if (unknown !== null) {
      const meant = nearest(unknown.name, unknown.allowed)
      return invalid({
        path: 'fields',
        code: 'invalid_literal',
        message: 'unknown column',
        allowed: unknown.allowed.slice(0, 40),
        ...(meant === null ? {} : { nearest: meant }),
        example: exampleCall(asked, '', { fields: [meant ?? unknown.allowed[0]] }),
      })
    }
    const value = await fitPage(answer, shape, wish, shape.cursor === undefined ? null : (limit) => ask({ ...args, limit }))
    const emptiness =
      value.returned !== 0 ||
      answer.truncatedReason === 'time' ||
      shape.list === undefined ||
      args.cursor !== undefined ||
      args.page_token !== undefined
        ? {}
        : (explained(answer) ?? (await explainEmpty(tool, args, shape.list, ask)))
    const shown =
      tool.operationId !== 'getLog'
        ? value
        : await fitPart(value, args, async (length) => {
            const part = await ask({ ...args, length })
            return part === null ? null : present(part, shape, wish).value
          })
    return { isError: false, headers: reply.headers, value: { ...shown, ...emptiness, ...hintOf(tool, value, args) } }
  }

  const call = async (given: Readonly<Record<string, unknown>>, send: Send): Promise<Outcome> => {
    const { args: all, repaired, notices } = repair(given, input)
    if (!validate(all)) return invalid(toField(validate.errors![0] as unknown as Validation, asked))
    const {
      detail = 'concise',
      fields = null,
      max_bytes: maxBytes = DEFAULT_BYTES,
      ...rest
    } = all as { detail?: Wish['detail']; fields?: string[]; max_bytes?: number } & Record<string, unknown>
    const args = tool.isReadOnly ? { ...defaultsOf(tool), ...rest } : all
    const reply = await send(toCall(tool, args))
    if (reply.status >= 400) return { isError: true, headers: reply.headers, value: refusal(reply, asked) }
    const outcome = await read({ detail, fields, maxBytes: maxBytes - RESERVE_BYTES }, args, reply, send)
    return {
      ...outcome,
      value: { ...outcome.value, ...(repaired.length === 0 ? {} : { repaired }), ...(notices.length === 0 ? {} : { notices }) },
    }
  }
  return {
    tool,
    input,
    call: (given, send, requestId) =>
      call(given, send).catch((error: unknown) => {
        onFailure(requestId, error)
        return failed(requestId)
      }),
  }
}
