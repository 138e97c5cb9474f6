// One request and its one answer, as handlers see them: plain values, nothing of the HTTP library. Everything here was
// read synchronously on arrival; a body is read only when a handler asks before its first await, otherwise it is discarded.
import type { Lease } from '../admission.ts'

export interface IngestRequest {
  readonly method: string
  readonly path: string
  readonly contentType: string
  readonly contentEncoding: string
  /** Null when the body is chunked or absent. */
  readonly contentLength: number | null
  readonly authorization: string
  readonly apiKey: string
  readonly remoteAddress: string
}

export type BodyResult =
  | {
      readonly ok: true
      /** Nobody else's until it is given back. */ readonly bytes: Uint8Array
      /** At most once, when nobody reads it any more. */ readonly giveBack: () => void
    }
  | { readonly ok: false; readonly reason: 'too_large' | 'overloaded' | 'stalled' | 'aborted' }

export interface Exchange {
  readonly request: IngestRequest
  /** Call at most once, before the first await. `lease` grows with what arrives beyond what it holds. */
  readBody(maxBytes: number, lease: Lease): Promise<BodyResult>
}

export interface Reply {
  readonly status: number
  readonly contentType?: string
  readonly body?: string | Uint8Array
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Ends the connection after the answer: for bodies whose rest nobody wants. */
  readonly close?: boolean
}

export const withHeaders = (reply: Reply, headers: readonly (readonly [string, string])[]): Reply =>
  headers.length === 0 ? reply : { ...reply, headers: [...(reply.headers ?? []), ...headers] }

/** Null = the client has gone, nobody to answer. */
export type Answer = Reply | null
export type Handler = (exchange: Exchange) => Answer | Promise<Answer>
