// What a handler answers, written down instead of sent: the answer of a change leaves after its commit, and what a late handler says
// does not touch the answer that was given meanwhile.
import type { FastifyReply } from 'fastify'
import type { Answer } from '../services/idempotent-answers.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

interface Draft {
  status: number
  payload: unknown
  serialize: ((payload: unknown) => string) | null
  readonly headers: Record<string, string>
}

/** Runs the handler with a stand-in for its reply. `body` is what would have gone over the wire. */
export const draftAnswer = async (reply: FastifyReply, handle: (standIn: FastifyReply) => unknown): Promise<Answer> => {
  const draft: Draft = { status: 200, payload: undefined, serialize: null, headers: {} }
  const standIn: FastifyReply = Object.create(reply, {
    // Not a promise of the answer having been sent, as the real one is.
    // oxlint-disable-next-line unicorn/no-thenable
    then: { value: undefined },
    statusCode: { get: () => draft.status },
    code: {
      value: (status: number) => {
        draft.status = status
        return standIn
      },
    },
    header: {
      value: (name: string, value: unknown) => {
        draft.headers[name.toLowerCase()] = String(value)
        return standIn
      },
    },
    type: {
      value: (type: string) => {
        draft.headers['content-type'] = type
        return standIn
      },
    },
    serializer: {
      value: (serialize: (payload: unknown) => string) => {
        draft.serialize = serialize
        return standIn
      },
    },
    send: {
      value: (payload: unknown) => {
        draft.payload = payload
        return standIn
      },
    },
  }) as FastifyReply
  const returned = await handle(standIn)
  const payload = returned === standIn || returned === undefined ? draft.payload : returned
  if (payload === null || payload === undefined) return { status: draft.status, headers: draft.headers, body: '' }
  const serialize = draft.serialize ?? reply.getSerializationFunction(String(draft.status)) ?? JSON.stringify
  return {
    status: draft.status,
    headers: { 'content-type': JSON_TYPE, ...draft.headers },
    body: typeof payload === 'string' ? payload : serialize(payload as never),
  }
}

/** As bytes, so that nothing is written anew. */
export const sendAnswer = (reply: FastifyReply, { status, headers, body }: Answer): FastifyReply => {
  void reply.code(status).headers(headers)
  return body === '' ? reply.send() : reply.send(Buffer.from(body))
}
