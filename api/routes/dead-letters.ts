// Messages that were set aside because they could not be decoded or stored: which, why, and their bytes.
import { Type } from 'typebox'
import type { DeadLetterPosition } from '../../clickhouse/queries/dead-letters.ts'
import { DEAD_LETTER_REASONS } from '../../streams/contracts/dead-letters.ts'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors, Time } from '../schemas/shapes.ts'
import { createDeadLetters } from '../services/dead-letters.ts'
import { resolveRange } from '../time-range.ts'

/** How long they are kept. */
const RETENTION_MS = 30 * 86_400_000
const reasons = Object.keys(DEAD_LETTER_REASONS)

const DeadLetterId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) }, { additionalProperties: false })
const fields = {
  id: Type.String(),
  receivedAt: Type.String(),
  signal: Type.String(),
  reason: Type.String(),
  meaning: Type.String(),
  detail: Type.String(),
  format: Type.String(),
  compression: Type.String(),
  records: Type.Integer(),
  bodyBytes: Type.Integer({ description: 'of the whole body as received' }),
}
const DeadLetter = Type.Object(fields)
const DeadLetterBody = Type.Object({
  ...fields,
  bodyBase64: Type.String({ description: 'the first 64 KiB of the body as received' }),
  bodyTruncated: Type.Boolean(),
})

export const deadLetterRoutes = (app: App, deps: RouteDeps): void => {
  const deadLetters = createDeadLetters(deps.clickhouse)

  app.get(
    '/api/v1/dead-letters',
    {
      schema: {
        operationId: 'listDeadLetters',
        tags: ['logs'],
        summary: 'Messages that were set aside because they could not be decoded or stored, newest first',
        querystring: Type.Object(
          {
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            reason: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: reasons })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            cursor: Type.Optional(Type.String({ maxLength: 2000 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ deadLetters: Type.Array(DeadLetter), nextCursor: Type.Optional(Type.String()) }), ...errors },
      },
    },
    async (request) => {
      const { tenant } = principalOf(request)
      const { from, to, reason = '', limit = 100, cursor } = request.query
      const asked = { from: from ?? '', to: to ?? '', reason }
      const page = cursor === undefined ? null : deps.cursors.decode<DeadLetterPosition>(cursor, tenant, asked)
      const fresh = resolveRange(from, to, deps.clock(), RETENTION_MS)
      const range: readonly [string, string] = page?.range ?? [String(fresh.fromMs), String(fresh.toMs)]
      const found = await deadLetters.list({ tenant, fromMs: Number(range[0]), toMs: Number(range[1]), reason }, limit, page?.key ?? null)
      return {
        deadLetters: [...found.deadLetters],
        ...(found.next === null ? {} : { nextCursor: deps.cursors.encode(found.next, tenant, asked, range) }),
      }
    },
  )

  app.get(
    '/api/v1/dead-letters/:id',
    {
      schema: {
        operationId: 'getDeadLetter',
        tags: ['logs'],
        summary: 'One message that was set aside, with its body',
        params: DeadLetterId,
        response: { 200: DeadLetterBody, ...errors },
      },
    },
    async (request) => {
      const found = await deadLetters.get(principalOf(request).tenant, request.params.id)
      if (found === null) throw apiError('NOT_FOUND', 'no such dead letter')
      return found
    },
  )
}
