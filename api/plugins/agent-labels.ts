// X-Agent-Id (who) and X-Conversation-Id (which run): labels that a caller gives itself. They go into the audit trail, so they are
// short and plain, or the call is refused.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiError } from '../errors.ts'

const HEADERS = ['X-Agent-Id', 'X-Conversation-Id'] as const
const LABEL = /^[\w.:-]{1,64}$/

export const labelOf = (request: FastifyRequest, header: (typeof HEADERS)[number]): string | null => {
  const value = request.headers[header.toLowerCase()]
  return typeof value === 'string' ? value : null
}

export const checkAgentLabels = (app: FastifyInstance): void => {
  app.addHook('onRequest', async (request) => {
    for (const header of HEADERS) {
      const value = labelOf(request, header)
      if (value === null || LABEL.test(value)) continue
      throw apiError('VALIDATION_FAILED', `${header} is not a label`, [
        { path: header, code: 'pattern', message: '1 to 64 letters, digits, _ . : -', example: `${header}: triage-bot` },
      ])
    }
  })
}
