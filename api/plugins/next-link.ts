// Link: <…>; rel="next" (RFC 8288) on every page that has another, beside the cursor in its body.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** The same question, from the cursor on. */
export const linkNext = (request: FastifyRequest, reply: FastifyReply, argument: string, cursor: string): void => {
  const next = new URL(request.url, 'http://localhost')
  next.searchParams.set(argument, cursor)
  void reply.header('link', `<${next.pathname}${next.search}>; rel="next"`)
}

export const linkPages = (app: FastifyInstance): void => {
  app.addHook('preSerialization', async (request, reply, payload: unknown) => {
    const { nextCursor, page_token: pageToken } = (payload ?? {}) as { nextCursor?: unknown; page_token?: unknown }
    if (request.method === 'GET' && typeof nextCursor === 'string') linkNext(request, reply, 'cursor', nextCursor)
    if (request.method === 'GET' && typeof pageToken === 'string') linkNext(request, reply, 'page_token', pageToken)
    return payload
  })
}
