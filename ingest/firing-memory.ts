// Which alerts are known to be firing, for the answer's `rca_triggered` only: a bounded memory of this process. After a
// restart a repeat may look new; the analysis has the state machine that counts.

const MEMORY_MS = 9 * 3_600_000
const MAX_ALERTS = 50_000

export interface FiringMemory {
  /** True when it is not known to be firing. */
  isNew(tenant: string, fingerprint: string, nowMs: number): boolean
  firing(tenant: string, fingerprint: string, nowMs: number): void
  resolved(tenant: string, fingerprint: string): void
}

export const createFiringMemory = (maxAlerts = MAX_ALERTS): FiringMemory => {
  // In order of last sight: the first is the oldest.
  const seen = new Map<string, number>()
  const keyOf = (tenant: string, fingerprint: string): string => `${tenant}\n${fingerprint}`
  return {
    isNew: (tenant, fingerprint, nowMs) => {
      const at = seen.get(keyOf(tenant, fingerprint))
      return at === undefined || nowMs - at > MEMORY_MS
    },
    firing: (tenant, fingerprint, nowMs) => {
      const key = keyOf(tenant, fingerprint)
      seen.delete(key)
      seen.set(key, nowMs)
      if (seen.size > maxAlerts) seen.delete(seen.keys().next().value!)
    },
    resolved: (tenant, fingerprint) => {
      seen.delete(keyOf(tenant, fingerprint))
    },
  }
}
