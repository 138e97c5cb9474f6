// Sorts partials into what is pending and what is late, and remembers in which buckets a tenant's services reported.
import { addPartial, type Partial } from '../series/rollup.ts'
import type { Late } from './amend.ts'
import type { TenantView } from './close-buckets.ts'
import { OTHER, pendingBucket, type Services, type ServiceState } from './service-state.ts'

const KEPT_BUCKETS = 2_000
const KEPT_MS = 3_600_000

export interface Intake {
  take(partial: Partial, nowMs: number): void
  tenant(tenant: string): TenantView
  /** Late buckets since they were last taken. */
  readonly late: Map<string, Late>
}

interface Reported { readonly buckets: Set<number>; newestMs: number }

export const createIntake = (services: Services): Intake => {
  const late = new Map<string, Late>()
  const tenants = new Map<string, Reported>()
  const reportedBy = (tenant: string): Reported => {
    let known = tenants.get(tenant)
    if (known === undefined) tenants.set(tenant, known = { buckets: new Set(), newestMs: 0 })
    return known
  }
  const note = ({ tenant, bucketMs }: Partial, nowMs: number): void => {
    if (bucketMs > nowMs) return
    const reported = reportedBy(tenant)
    reported.buckets.add(bucketMs)
    reported.newestMs = Math.max(reported.newestMs, bucketMs)
    if (reported.buckets.size > KEPT_BUCKETS) for (const old of reported.buckets) if (old < reported.newestMs - KEPT_MS) reported.buckets.delete(old)
  }
  const takeLate = (state: ServiceState, partial: Partial): void => {
    // What is folded into `other` cannot be counted again by service.
    if (state.service === OTHER) return
    const key = `${partial.tenant}\u0000${partial.service}\u0000${partial.bucketMs}`
    let entry = late.get(key)
    if (entry === undefined) late.set(key, entry = { tenant: partial.tenant, service: partial.service, bucketMs: partial.bucketMs, covers: 0, attributes: new Set() })
    entry.covers += partial.covers
    for (const [metric] of partial.metrics) if (metric.startsWith('attr.')) entry.attributes.add(metric.slice(5))
  }
  const take = (partial: Partial, nowMs: number): void => {
    const targets = new Map<ServiceState, Set<string>>()
    for (const [metric] of partial.metrics) {
      const state = services.admit(partial.tenant, partial.service, metric)
      if (state === null) continue
      const metrics = targets.get(state)
      if (metrics === undefined) targets.set(state, new Set([metric]))
      else metrics.add(metric)
    }
    if (partial.metrics.some(([metric]) => metric === 'log.rate')) note(partial, nowMs)
    for (const [state, metrics] of targets) {
      state.lastPartialAtMs = nowMs
      if (partial.bucketMs <= state.closedThroughMs) takeLate(state, partial)
      else addPartial(pendingBucket(state, partial.bucketMs), partial, nowMs, (metric) => metrics.has(metric))
    }
  }
  return {
    take,
    late,
    tenant: (tenant) => {
      const reported = reportedBy(tenant)
      return { reported: (bucketMs) => reported.buckets.has(bucketMs), newestReportedMs: () => reported.newestMs }
    },
  }
}
