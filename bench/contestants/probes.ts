// Single records beside the load, each asked for until a query finds it: how long an acknowledged record is not yet to be seen.
import { startGenerator } from '../load/generate.ts'
import type { Generated } from '../load/generator.ts'
import { latenciesOf } from '../measure/statistics.ts'
import { PROBE, PROBE_SHIFT_MS, type Opened } from './contestant.ts'

export interface Probes {
  /** Ends them; resolves to how many were acknowledged. */
  sent(): Promise<number>
  /** Ask once everything has arrived. */
  p99Ms(): Promise<number>
}

const PER_SECOND = 5
const ASK_EVERY_MS = 500
const MAX_SECONDS = 3600
const GIVE_UP_MS = 20_000

export const startProbes = async (opened: Opened, ask: () => Promise<readonly number[]>): Promise<Probes> => {
  const seenAtMs = new Map<number, number>()
  const generator = await startGenerator({
    url: opened.url,
    path: opened.path,
    token: opened.token,
    requests: PER_SECOND * MAX_SECONDS,
    requestsPerSecond: PER_SECOND,
    connections: 2,
    shape: { records: 1, resources: 1, run: PROBE.run, servicePrefix: PROBE.service },
    compression: 'none',
    timeShiftMs: PROBE_SHIFT_MS,
  })
  let asking = true
  const look = async (): Promise<void> => {
    const found = await ask()
    const now = Date.now()
    for (const attempt of found) if (!seenAtMs.has(attempt)) seenAtMs.set(attempt, now)
  }
  const looking = (async () => {
    while (asking) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
    }
  })()
  const going = generator.go()
  let result: Generated | null = null
  return {
    sent: async () => {
      generator.end()
      result = await going
      await generator.stop()
      return result.acknowledged.length
    },
    p99Ms: async () => {
      const { acknowledged, acknowledgedAtMs } = result!
      for (const deadline = Date.now() + GIVE_UP_MS; acknowledged.some((attempt) => !seenAtMs.has(attempt)) && Date.now() < deadline;)
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
      asking = false
      await looking
      // What was never found is as late as can be.
      return latenciesOf(
        acknowledged.map((attempt, index) => (seenAtMs.get(attempt) ?? Number.POSITIVE_INFINITY) - acknowledgedAtMs[index]),
      ).p99
    },
  }
}
