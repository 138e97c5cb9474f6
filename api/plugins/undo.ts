// How a change is undone: told beside its answer, as a call that a caller can make, or that there is none.
import type { FastifyRequest } from 'fastify'

export type Undo =
  | { readonly possible: true; readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'; readonly path: string; readonly body?: object }
  | { readonly possible: false; readonly reason: string }

export const NO_UNDO: Undo = { possible: false, reason: 'this operation has no inverse' }

declare module 'fastify' {
  interface FastifyRequest {
    undo: Undo
  }
}

export const tellUndo = (request: FastifyRequest, undo: Undo): void => {
  request.undo = undo
}
