// A body into memory that we own, copied once: chunks are detached after the call that brings them. One slab of the
// announced length; without one a buffer doubles under a running cap. Stops at the cap, at the lease's bound, at a stall.
import type { Lease } from '../admission.ts'
import type { BodyResult } from './exchange.ts'
import type { Slabs } from './slabs.ts'

/** Longest silence inside a body, before the library's own 10 s reset would leave the client without an answer. */
export const STALL_MS = 4_500
const FIRST_SLAB_BYTES = 16 * 1024

export interface BodySource {
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void
  /** At most one handler, called when the client goes away before it was answered. */
  onGone(handler: () => void): void
}

export interface BodyLimits {
  readonly contentLength: number | null
  readonly maxBytes: number
  readonly stallMs: number
}

export const readBody = (source: BodySource, limits: BodyLimits, lease: Lease, slabs: Slabs): Promise<BodyResult> =>
  new Promise((resolve) => {
    let slab: Uint8Array | null = null
    let used = 0
    let settled = false
    let timer: NodeJS.Timeout | undefined
    const settle = (result: BodyResult): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      resolve(result)
    }
    const fail = (reason: 'too_large' | 'overloaded' | 'stalled' | 'aborted'): void => {
      slab = null
      settle({ ok: false, reason })
    }
    /** Room for `bytes` in total; false after a failure. */
    const reserve = (bytes: number): boolean => {
      if (bytes > limits.maxBytes) {
        fail('too_large')
        return false
      }
      if (slab !== null && bytes <= slab.length) return true
      const size = Math.min(limits.maxBytes, Math.max(bytes, limits.contentLength ?? Math.max(FIRST_SLAB_BYTES, (slab?.length ?? 0) * 2)))
      if (size > lease.held() && !lease.grow(size - lease.held())) {
        fail('overloaded')
        return false
      }
      const bigger = size === limits.contentLength ? slabs.take(size) : Buffer.allocUnsafeSlow(size)
      if (slab !== null) bigger.set(slab.subarray(0, used))
      slab = bigger
      return true
    }
    const whole = (of: Uint8Array): BodyResult => ({
      ok: true,
      bytes: of.subarray(0, used),
      giveBack: () => {
        if (limits.contentLength !== null) slabs.give(of)
      },
    })
    source.onGone(() => {
      fail('aborted')
    })
    source.onData((chunk, isLast) => {
      if (settled) return
      if (chunk.byteLength > 0) {
        if (!reserve(used + chunk.byteLength)) return
        slab!.set(new Uint8Array(chunk), used)
        used += chunk.byteLength
      }
      if (isLast) settle(slab === null ? { ok: true, bytes: new Uint8Array(0), giveBack: () => undefined } : whole(slab))
      else if (timer === undefined)
        timer = setTimeout(() => {
          fail('stalled')
        }, limits.stallMs)
      else timer.refresh()
    })
    // The headers alone may have come: the first byte of the body is waited for no longer than the next.
    if (!settled)
      timer ??= setTimeout(() => {
        fail('stalled')
      }, limits.stallMs)
  })
