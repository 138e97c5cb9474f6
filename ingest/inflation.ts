// Inflates under the admission bound. What a body will become is not known before, so a likely size is reserved first
// and the whole limit only when that was too small: many small bodies fit side by side, bombs do not.
import type { Compression } from '../streams/contracts/envelope.ts'
import { inflate, inflateSync } from '../streams/inflate.ts'
import type { Lease } from './admission.ts'
import { badRequest, overloaded, tooLarge } from './failure.ts'
import type { Failure } from './failure.ts'

/** Up to this many bytes on the wire are inflated at once: quicker than a trip to the thread pool. */
const INLINE_BYTES = 256 * 1024
const LIKELY_RATIO = 16
const MIN_GUESS_BYTES = 64 * 1024

export type Inflated = { readonly ok: true; readonly bytes: Uint8Array } | Failure

/** On success the lease holds the inflated bytes beside the body's own; `body` itself for identity. */
export const inflateBody = async (body: Uint8Array, compression: Compression, maxBytes: number, lease: Lease): Promise<Inflated> => {
  const limit = `the body is larger than ${maxBytes} bytes when inflated (LAPWING_MAX_INFLATED_BYTES)`
  if (compression === 'identity') return body.length <= maxBytes ? { ok: true, bytes: body } : tooLarge(limit)
  const guess = Math.min(maxBytes, Math.max(MIN_GUESS_BYTES, body.length * LIKELY_RATIO))
  for (const cap of guess < maxBytes ? [guess, maxBytes] : [maxBytes]) {
    if (!lease.grow(cap)) return overloaded('too many bytes are in flight')
    const result =
      cap === guess && body.length <= INLINE_BYTES ? inflateSync(body, compression, cap) : await inflate(body, compression, cap)
    lease.shrink(cap - (result.ok ? result.bytes.length : 0))
    if (result.ok) return result
    if (result.reason === 'malformed') return badRequest('BAD_COMPRESSION', result.message)
  }
  return tooLarge(limit)
}
