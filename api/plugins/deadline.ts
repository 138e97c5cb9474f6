// No call is kept waiting for a store that does not answer. A change that is late may still be carried out after its 503.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { within } from '../within.ts'

export const limitTime = (app: FastifyInstance, ms: number): void => {
  app.addHook('onRoute', (route) => {
    // A stream ends when its client goes.
    if ((route.config as { isStream?: true } | undefined)?.isStream === true) return
    const { handler } = route
    route.handler = function limited(this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
      return within(ms, Promise.resolve(handler.call(this, request, reply)))
    }
  })
}
