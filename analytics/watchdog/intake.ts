// Sorts partials into what is pending and what is late, and remembers in which buckets a tenant's services reported.
import { roleOf } from '../../streams/contracts/metric-value.ts'
import { addPartial, type Aggregate, type Partial } from '../series/rollup.ts'
import type { Late } from './amend.ts'
import type { TenantView } from './close-buckets.ts'
import { OTHER, pendingBucket, type Services, type ServiceState } from './service-state.ts'

/** Two days of a tenant's buckets: a backfill may bring one service after the other. */
const KEPT_BUCKETS = 20_000
const KEPT_MS = 172_800_000

export interface Intake {
  take(partial: Partial, nowMs: number): void
  tenant(tenant: string): TenantView
  /** How far each tenant's services have come: before a round closes buckets. */
  measureFronts(): void
  /** Late buckets since they were last taken. */
  readonly late: Map<string, Late>
}

interface Reported {
  readonly buckets: Set<number>
  newestMs: number
}

export const createIntake = (services: Services): Intake => {
  const late = new Map<string, Late>()
  const tenants = new Map<string, Reported>()
  const fronts = new Map<string, { readonly count: number; readonly ms: number }>()
  const reportedBy = (tenant: string): Reported => {
    let known = tenants.get(tenant)
    if (known === undefined) tenants.set(tenant, (known = { buckets: new Set(), newestMs: 0 }))
    return known
  }
  const note = ({ tenant, bucketMs }: Partial, nowMs: number): void => {
    if (bucketMs > nowMs) return
    const reported = reportedBy(tenant)
    reported.buckets.add(bucketMs)
    reported.newestMs = Math.max(reported.newestMs, bucketMs)
    if (reported.buckets.size > KEPT_BUCKETS)
      for (const old of reported.buckets) if (old < reported.newestMs - KEPT_MS) reported.buckets.delete(old)
  }
  const takeLate = (state: ServiceState, partial: Partial): void => {
    // What is folded into `other` cannot be counted again by service.
    if (state.service === OTHER) return
    const key = `${partial.tenant}\u0000${partial.service}\u0000${partial.bucketMs}`
    let entry = late.get(key)
    if (entry === undefined)
      late.set(
        key,
        (entry = {
          tenant: partial.tenant,
          service: partial.service,
          bucketMs: partial.bucketMs,
          covers: 0,
          attributes: new Set(),
          hasSpans: false,
        }),
      )
    entry.covers += partial.covers
    for (const [metric] of partial.metrics) {
      if (metric.startsWith('attr.')) entry.attributes.add(metric.slice(5))
      else if (metric === 'span.rate') entry.hasSpans = true
    }
  }
  const take = (raw: Partial, nowMs: number): void => {
    const targets = new Map<ServiceState, Set<string>>()
    const named: (readonly [string, Aggregate])[] = []
    const partial: Partial = { ...raw, metrics: named }
    for (const [name, aggregate] of raw.metrics) {
      // One by one: what is admitted counts for what comes next.
      const metric = services.nameOf(partial.tenant, partial.service, name)
      named.push([metric, aggregate])
      const state = services.admit(partial.tenant, partial.service, metric, nowMs)
      if (state === null) continue
      const metrics = targets.get(state)
      if (metrics === undefined) targets.set(state, new Set([metric]))
      else metrics.add(metric)
    }
    if (partial.metrics.some(([metric]) => roleOf(metric) === 'traffic')) note(partial, nowMs)
    for (const [state, metrics] of targets) {
      state.lastPartialAtMs = nowMs
      if (partial.bucketMs <= state.closedThroughMs) takeLate(state, partial)
      else addPartial(pendingBucket(state, partial.bucketMs), partial, nowMs, (metric) => metrics.has(metric))
    }
  }
  const measureFronts = (): void => {
    const last = new Map<string, number[]>()
    for (const { tenant, service, lastDataMs } of services.all()) {
      if (service === OTHER) continue
      const list = last.get(tenant)
      if (list === undefined) last.set(tenant, [lastDataMs])
      else list.push(lastDataMs)
    }
    fronts.clear()
    for (const [tenant, list] of last)
      fronts.set(tenant, {
        count: list.length,
        ms: list.length < 2 ? 0 : list.sort((a, b) => a - b)[Math.max(1, Math.floor(list.length / 4))],
      })
  }
  return {
    take,
    late,
    measureFronts,
    tenant: (tenant) => {
      const reported = reportedBy(tenant)
      const front = fronts.get(tenant) ?? { count: 0, ms: 0 }
      return {
        reported: (bucketMs) => reported.buckets.has(bucketMs),
        newestReportedMs: () => reported.newestMs,
        alone: () => front.count < 2,
        frontMs: () => front.ms,
      }
    },
  }
}
