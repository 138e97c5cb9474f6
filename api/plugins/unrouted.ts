// What no route takes: 405 with Allow where the path exists for another method, else 404. Answered before any body is read.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apiError } from '../errors.ts'
import { sendError } from './error-handling.ts'

/** `/a/:id/b*` → a pattern for what it takes. */
const toPattern = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replace(/:\w+/g, '[^/]+')}/?$`,
  )

/** To be called before the first route is registered. */
export const handleUnrouted = (app: FastifyInstance): void => {
  const routes: { readonly method: string; readonly pattern: RegExp }[] = []
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) routes.push({ method, pattern: toPattern(route.url) })
  })
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?')[0]
    const allowed = [...new Set(routes.filter((route) => route.pattern.test(path)).map((route) => route.method))]
    if (allowed.length === 0 || allowed.includes(request.method))
      return sendError(request, reply, apiError('NOT_FOUND', `no route ${request.method} ${path.slice(0, 200)}`))
    return sendError(
      request,
      reply.header('allow', allowed.join(', ')),
      apiError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here: ${allowed.join(', ')}`),
    )
  }
  app.setNotFoundHandler(answer)
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return answer(request, reply)
  })
}
