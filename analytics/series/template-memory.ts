// Which templates of a service a decode thread has named of late, so that their texts are written now and then instead of with
// every range, and so that a service whose messages never repeat does not fill the store with texts. Two generations of half an
// hour each, by receive time. Whatever it forgets or knows too well changes texts only, never a count.

export type Admission = 'known' | 'fresh' | 'over'
export interface TemplateMemory {
  /** @param once it was seen a single time: such templates leave room for others. */
  admit(service: string, low: number, high: number, once: boolean): Admission
  /** Before a range: receive time of its newest message. */
  at(nowMs: number): void
}

export const PER_SERVICE = 1_000
export const ONCE_PER_SERVICE = 500
const TOTAL = 200_000
const GENERATION_MS = 1_800_000
const HIGH_BITS = 0x1fffff

export const createTemplateMemory = (): TemplateMemory => {
  let current = new Map<string, Set<number>>()
  let previous = current
  let total = 0
  let begunMs = 0
  return {
    at: (nowMs) => {
      if (Math.abs(nowMs - begunMs) < GENERATION_MS) return
      previous = current
      current = new Map()
      total = 0
      begunMs = nowMs
    },
    admit: (service, low, high, once) => {
      let known = current.get(service)
      if (known === undefined) current.set(service, (known = new Set()))
      // 53 bits of the 64: enough to tell a thousand apart.
      const key = low + (high & HIGH_BITS) * 4_294_967_296
      if (known.has(key)) return 'known'
      const wasKnown = previous !== current && previous.get(service)?.has(key) === true
      if (known.size >= PER_SERVICE || total >= TOTAL || (once && !wasKnown && known.size >= ONCE_PER_SERVICE)) return 'over'
      known.add(key)
      total++
      return 'fresh'
    },
  }
}
