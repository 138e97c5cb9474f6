// No call is kept waiting for a store that does not answer. A change that is late may still be carried out after its 503.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TransientError } from '../../streams/contracts/errors.ts'

export const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => reject(new TransientError('STORE_UNAVAILABLE', `no answer within ${ms} ms`)), ms) })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

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
