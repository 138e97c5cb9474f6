// One log record with everything that it has; a long message in parts.
import { Type } from 'typebox'
import { logByPosition } from '../../clickhouse/queries/log-by-position.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, LogEvent } from '../schemas/shapes.ts'
import { toEvent } from './logs.ts'

const LogId = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 200, description: 'id of an event that a search gave' }) },
  { additionalProperties: false },
)

/** An id is a place in the event log; null when it is none. */
const toPosition = (id: string): { logId: string; partition: number; offset: string; index: number } | null => {
  const match = /^([\w-]{1,64}):(\d{1,5}):(\d{1,20}):(\d{1,10})$/.exec(Buffer.from(id, 'base64url').toString())
  if (match === null || Number(match[2]) > 65_535 || BigInt(match[3]) >= 2n ** 64n || Number(match[4]) >= 2 ** 32) return null
  return { logId: match[1], partition: Number(match[2]), offset: match[3], index: Number(match[4]) }
}

/** A character of two halves belongs whole to the part in which it begins. */
const partOf = (text: string, offset: number, length: number): string => {
  const isSecondHalf = (index: number): boolean =>
    /[\udc00-\udfff]/.test(text[index] ?? '') && /[\ud800-\udbff]/.test(text[index - 1] ?? '')
  const end = offset + length
  return text.slice(isSecondHalf(offset) ? offset + 1 : offset, isSecondHalf(end) ? end + 1 : end)
}

export const logEventRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/logs/:id',
    {
      schema: {
        operationId: 'getLog',
        tags: ['logs'],
        summary: 'One log record with all attributes; offset and length read a long message in parts',
        params: LogId,
        querystring: Type.Object(
          {
            offset: Type.Optional(
              Type.Integer({ minimum: 0, maximum: 100_000_000, description: 'first character of the message to give', examples: [0] }),
            ),
            length: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: 100_000_000,
                description: 'how many characters of the message to give; all unless told otherwise',
                examples: [4000],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Intersect([LogEvent, Type.Object({ messageLength: Type.Integer({ description: 'characters of the whole message' }) })]),
          ...errors,
        },
      },
    },
    async (request) => {
      const position = toPosition(request.params.id)
      const [row] =
        position === null ? [] : await deps.clickhouse.query(logByPosition, { tenant: principalOf(request).tenant, ...position })
      if (row === undefined) throw apiError('NOT_FOUND', 'no such log record')
      const { offset = 0, length = Number.MAX_SAFE_INTEGER } = request.query
      const event = toEvent(row)
      return { ...event, message: partOf(event.message, offset, length), messageLength: event.message.length } as never
    },
  )
}
