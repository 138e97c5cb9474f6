// Pieces of one body into the event log, in order and a few at a time: what a body of many records with a large resource is cut into
// may be many times its size, and is never held at once. The first failure ends it; what was appended before it stays, as of an
// attempt that was not acknowledged.
import { assemble } from '../streams/otlp/split.ts'
import type { Piece } from '../streams/otlp/split.ts'
import type { Lease } from './admission.ts'
import { overloaded } from './failure.ts'
import type { Failure } from './failure.ts'

/** Put together and under way at once, unless a single piece is larger. */
const ROUND_BYTES = 8 * 1024 * 1024

export interface AppendPiecesDeps {
  /** Null when durable. */
  readonly append: (piece: Piece, bytes: Uint8Array) => Promise<Failure | null>
  readonly lease: Lease
  readonly expired: () => boolean
}

function* roundsOf(pieces: readonly Piece[]): Generator<{ readonly round: readonly Piece[]; readonly bytes: number }> {
  for (let at = 0; at < pieces.length;) {
    const first = at
    let bytes = 0
    while (at < pieces.length && (at === first || bytes + pieces[at].bytes <= ROUND_BYTES)) bytes += pieces[at++].bytes
    yield { round: pieces.slice(first, at), bytes }
  }
}

/** Null when all of them are durable. */
export const appendPieces = async (
  body: Uint8Array,
  pieces: readonly Piece[],
  { append, lease, expired }: AppendPiecesDeps,
): Promise<Failure | null> => {
  for (const { round, bytes } of roundsOf(pieces)) {
    if (expired()) return overloaded('not durable in time')
    if (!lease.grow(bytes)) return overloaded('too many bytes are in flight')
    const failures = await Promise.all(round.map((piece) => append(piece, assemble(body, piece))))
    lease.shrink(bytes)
    const failure = failures.find((one) => one !== null)
    if (failure !== undefined) return failure
  }
  return null
}
