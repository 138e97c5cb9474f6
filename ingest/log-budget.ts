// The daily cap of a token's log bytes, counted after inflation and before anything is stored. One process never passes it. Processes
// on one database hear of each other at every report, so that together they pass it by at most what the others took since; after a
// kill what was not reported yet is forgotten.
import { dayOf, nextDayMs, type LogBytesTotal, type LogBytesUse } from '../streams/contracts/log-bytes.ts'
import { capSpent } from './failure.ts'
import type { Failure } from './failure.ts'

export interface Cap {
  readonly tenant: string
  readonly tokenId: string
  readonly limitBytes: number
}

/** One request against its token's cap. */
export interface Charge {
  /** Before the body is read: whether there is anything left. */
  refuse(): Failure | null
  /** Takes all of it, or nothing and says why. */
  take(bytes: number): Failure | null
  giveBack(bytes: number): void
  headers(): readonly (readonly [string, string])[]
}

export interface LogBudget {
  charge(cap: Cap | null): Charge
  /** What was taken since the last report; null while that one is not answered, or when there is nothing to tell. */
  takeReport(): readonly LogBytesUse[] | null
  /** The answer to the last report, or what was known at the start. */
  learn(totals: readonly LogBytesTotal[]): void
}

interface Used {
  day: string
  known: number
  reported: number
  unreported: number
}
const FREE: Charge = { refuse: () => null, take: () => null, giveBack: () => undefined, headers: () => [] }

export const createLogBudget = (now: () => number): LogBudget => {
  const used = new Map<string, Used>()
  let outbox = new Map<string, { tenant: string; tokenId: string; day: string; bytes: number }>()
  let awaiting = false

  const usedOf = (tokenId: string): Used => {
    const day = dayOf(now())
    let one = used.get(tokenId)
    if (one === undefined || one.day !== day) {
      one = { day, known: 0, reported: 0, unreported: 0 }
      used.set(tokenId, one)
    }
    return one
  }
  const totalOf = (one: Used): number => one.known + one.reported + one.unreported
  const add = ({ tenant, tokenId }: Cap, one: Used, bytes: number): void => {
    one.unreported += bytes
    const key = `${one.day} ${tokenId}`
    const entry = outbox.get(key)
    if (entry === undefined) outbox.set(key, { tenant, tokenId, day: one.day, bytes })
    else entry.bytes += bytes
  }
  const secondsLeft = (): number => Math.max(1, Math.ceil((nextDayMs(now()) - now()) / 1000))

  const chargeOf = (cap: Cap): Charge => {
    let taken: Used | null = null
    const refusal = (): Failure =>
      capSpent(
        `the token may send ${cap.limitBytes} bytes of logs a day (after inflation) and has sent ${totalOf(usedOf(cap.tokenId))}`,
        secondsLeft(),
      )
    return {
      refuse: () => (totalOf(usedOf(cap.tokenId)) < cap.limitBytes ? null : refusal()),
      take: (bytes) => {
        const one = usedOf(cap.tokenId)
        if (totalOf(one) + bytes > cap.limitBytes) return refusal()
        add(cap, one, bytes)
        taken = one
        return null
      },
      giveBack: (bytes) => {
        if (taken !== null) add(cap, taken, -bytes)
      },
      headers: () => {
        const sent = totalOf(usedOf(cap.tokenId))
        const left = Math.max(0, cap.limitBytes - sent)
        const seconds = secondsLeft()
        return [
          ['X-PAT-LogBytes-Limit', String(cap.limitBytes)],
          ['X-PAT-LogBytes-Used', String(sent)],
          ['X-PAT-LogBytes-Remaining', String(left)],
          ['X-PAT-LogBytes-Reset', String(nextDayMs(now()) / 1000)],
          ['RateLimit-Policy', `"pat-log-bytes";q=${cap.limitBytes};w=86400;qu="content-bytes"`],
          ['RateLimit', `"pat-log-bytes";r=${left};t=${seconds}`],
        ]
      },
    }
  }

  return {
    charge: (cap) => (cap === null ? FREE : chargeOf(cap)),
    takeReport: () => {
      if (awaiting || outbox.size === 0) return null
      const report = [...outbox.values()]
      outbox = new Map()
      awaiting = true
      for (const { tokenId, day } of report) {
        const one = used.get(tokenId)
        if (one?.day === day) [one.reported, one.unreported] = [one.reported + one.unreported, 0]
      }
      return report
    },
    learn: (totals) => {
      awaiting = false
      for (const { tokenId, day, bytes } of totals) {
        const one = usedOf(tokenId)
        if (one.day === day) [one.known, one.reported] = [bytes, 0]
      }
    },
  }
}
