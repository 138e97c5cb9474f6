// Work that one process does at a time and that the others wait for, however long it takes.
import type { Leases } from '../streams/contracts/leases.ts'
import { startRepeating } from '../streams/contracts/repeat.ts'

export interface LeaseTimes {
  readonly againMs: number
  /** Well within the time that a lease lasts. */ readonly renewEveryMs: number
}
const TIMES: LeaseTimes = { againMs: 250, renewEveryMs: 2500 }

/** Prolonged as long as the work goes on: whoever waits begins when it has ended, or when this process stands still. */
export const underLease = async <T>(leases: Leases, name: string, work: () => Promise<T>, times: LeaseTimes = TIMES): Promise<T> => {
  for (;;) {
    let lease = await leases.claim(name)
    if (lease === null) {
      await new Promise((resolve) => setTimeout(resolve, times.againMs))
      continue
    }
    // A claim that fails leaves the time that is left of the last.
    const renewing = startRepeating(
      async () => {
        lease = (await leases.claim(name)) ?? lease
      },
      { firstAfterMs: times.renewEveryMs, everyMs: times.renewEveryMs },
      () => undefined,
    )
    try {
      return await work()
    } finally {
      await renewing.close()
      await leases.release(lease!)
    }
  }
}
