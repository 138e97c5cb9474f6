// Series that move at once are one event: an outage or a deploy, whatever is known of who calls whom. Services whose same metric goes the
// same way from the same minute on are neighbours of one another, once there are enough of them to be no coincidence.
import type { Opening } from './anomaly-row.ts'

const AT_ONCE_MS = 60_000
/** Two may be a coincidence among hundreds of services. */
const ENOUGH = 3
const REMEMBERED = 200

export interface Together {
  note(opening: Opening): void
  /** Services that moved with it, its own left out. */
  movedWith(opening: Opening): string[]
}

const keyOf = ({ tenant, metric, finding }: Opening): string => JSON.stringify([tenant, metric, finding.direction])

export const createTogether = (): Together => {
  const recent = new Map<string, { readonly service: string; readonly startedAtMs: number }[]>()
  return {
    note: (opening) => {
      const key = keyOf(opening)
      const { startedAtMs } = opening.finding
      const near = (recent.get(key) ?? []).filter((one) => one.startedAtMs > startedAtMs - 2 * AT_ONCE_MS).slice(1 - REMEMBERED)
      recent.set(key, [...near, { service: opening.service, startedAtMs }])
    },
    movedWith: (opening) => {
      const { startedAtMs } = opening.finding
      const moved = new Set(
        (recent.get(keyOf(opening)) ?? []).filter((one) => Math.abs(one.startedAtMs - startedAtMs) <= AT_ONCE_MS).map((one) => one.service),
      )
      moved.add(opening.service)
      return moved.size < ENOUGH ? [] : [...moved].filter((service) => service !== opening.service)
    },
  }
}
