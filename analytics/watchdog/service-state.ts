// What the watchdog remembers of each service, and the bounds on how many series it admits. Beyond a bound, series are
// folded into the tenant's service `other`.
import type { DetectorState } from '../anomaly/detector.ts'
import { operationMetric, partsOf, TEMPLATE_METRIC } from '../../streams/contracts/metric-value.ts'
import { newBucket, type OpenBucket } from '../series/rollup.ts'
import type { SeriesPeriods } from './series-periods.ts'

export interface ServiceState {
  readonly tenant: string
  readonly service: string
  /** Start of the newest closed bucket; 0 before the first. */
  closedThroughMs: number
  /** Newest closed bucket that had data. */
  lastDataMs: number
  /** That bucket's data came while it was fresh, so a later silence means something. */
  live: boolean
  lastPartialAtMs: number
  metrics: string[]
  /** When each series of a template last had data, by the watchdog's clock. */
  templates: Record<string, number>
  detectors: Record<string, DetectorState>
  /** Of metrics whose lasting deviations matter. */
  periods: Record<string, SeriesPeriods>
  readonly pending: Map<number, OpenBucket>
}

export interface Bounds {
  readonly seriesPerTenant: number
  readonly series: number
  readonly otherMetrics: number
  /** Of one service; later ones are one, `other`. */ readonly operations: number
}
export const DEFAULT_BOUNDS: Bounds = { seriesPerTenant: 2_000, series: 50_000, otherMetrics: 64, operations: 50 }
/** Of all series: operations and templates only tell more of services, so they must not crowd them out. */
const DETAILS_SHARE = 0.5
/** Series of templates that a service has, and after how long without data one makes room. */
const MAX_TEMPLATES = 20
const TEMPLATE_IDLE_MS = 6 * 3_600_000
export const OTHER = 'other'
/** What has the first of these has all, so that its first error is judged against a history of none. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = {
  'log.rate': ['log.rate', 'log.error_rate', 'log.new_template_rate'],
  'span.rate': ['span.rate', 'span.error_rate'],
}
const companionsOf = (metric: string): readonly string[] => {
  const { base, operation } = partsOf(metric)
  const names = COMPANIONS[base] ?? [base]
  return operation === null ? names : names.map((name) => operationMetric(name, operation))
}

export interface Services {
  all(): Iterable<ServiceState>
  restore(state: ServiceState): void
  /** The bucket a metric of a service belongs to, `other` beyond the bounds; null when even that is full. */
  admit(tenant: string, service: string, metric: string, nowMs: number): ServiceState | null
  /** The metric under which it is kept: that of `other` where the service has operations enough. */
  nameOf(tenant: string, service: string, metric: string): string
  find(tenant: string, service: string): ServiceState | undefined
  forget(state: ServiceState): void
  size(): number
  refused(): number
}

export const newServiceState = (tenant: string, service: string): ServiceState => ({
  tenant,
  service,
  closedThroughMs: 0,
  lastDataMs: 0,
  live: false,
  lastPartialAtMs: 0,
  metrics: [],
  templates: {},
  detectors: {},
  periods: {},
  pending: new Map(),
})

/** Ids of the anomalies that are open, of either reader. */
export const openOf = ({ detectors, periods }: ServiceState): string[] =>
  [...Object.values(detectors), ...Object.values(periods).map(({ state }) => state)].flatMap(({ open }) => (open === null ? [] : [open.id]))

export const pendingBucket = (state: ServiceState, bucketMs: number): OpenBucket => {
  const known = state.pending.get(bucketMs)
  if (known !== undefined) return known
  const made = newBucket(bucketMs)
  state.pending.set(bucketMs, made)
  return made
}

export const createServices = (bounds: Bounds): Services => {
  const states = new Map<string, ServiceState>()
  const perTenant = new Map<string, number>()
  let total = 0
  let refused = 0
  const key = (tenant: string, service: string): string => `${tenant}\u0000${service}`
  const count = (tenant: string, by: number): void => {
    total += by
    perTenant.set(tenant, (perTenant.get(tenant) ?? 0) + by)
  }
  const get = (tenant: string, service: string): ServiceState => {
    const known = states.get(key(tenant, service))
    if (known !== undefined) return known
    const made = newServiceState(tenant, service)
    states.set(key(tenant, service), made)
    return made
  }
  const add = (state: ServiceState, metric: string): void => {
    const names = companionsOf(metric).filter((name) => !state.metrics.includes(name))
    state.metrics.push(...names)
    count(state.tenant, names.length)
  }
  /** Beside what services have as a whole there is room for what tells more of them. */
  const hasRoomForDetails = (tenant: string): boolean =>
    total < bounds.series * DETAILS_SHARE && (perTenant.get(tenant) ?? 0) < bounds.seriesPerTenant * DETAILS_SHARE
  /** Room for one more series of a template: the longest silent one makes it, unless it is open. */
  const makeRoom = (state: ServiceState, nowMs: number): boolean => {
    const seen = Object.entries(state.templates).sort((a, b) => a[1] - b[1])
    if (seen.length < MAX_TEMPLATES) return true
    const idle = seen.find(
      ([metric, lastMs]) => nowMs - lastMs >= TEMPLATE_IDLE_MS && (state.detectors[metric]?.open ?? null) === null,
    )?.[0]
    if (idle === undefined) return false
    state.metrics = state.metrics.filter((metric) => metric !== idle)
    delete state.templates[idle]
    delete state.detectors[idle]
    count(state.tenant, -1)
    return true
  }
  /** Series of templates are never folded into `other`. */
  const admitTemplate = (state: ServiceState | undefined, tenant: string, metric: string, nowMs: number): ServiceState | null => {
    if (state === undefined || state.service === OTHER) return null
    if (state.templates[metric] === undefined) {
      if (!hasRoomForDetails(tenant) || !makeRoom(state, nowMs)) return null
      add(state, metric)
    }
    state.templates[metric] = nowMs
    return state
  }
  const nameOf = (tenant: string, service: string, metric: string): string => {
    const { base, operation } = partsOf(metric)
    if (operation === null || operation === OTHER) return metric
    const known = states.get(key(tenant, service))
    if (known === undefined || known.metrics.includes(metric) || known.metrics.includes(operationMetric('span.rate', operation)))
      return metric
    return known.metrics.filter((name) => name.startsWith('span.rate{')).length < bounds.operations ? metric : operationMetric(base, OTHER)
  }
  const admitOperation = (tenant: string, service: string, metric: string): ServiceState | null => {
    const known = states.get(key(tenant, service))
    if (known === undefined || service === OTHER || !hasRoomForDetails(tenant)) {
      refused++
      return null
    }
    add(known, metric)
    return known
  }
  const admit = (tenant: string, service: string, metric: string, nowMs: number): ServiceState | null => {
    const known = states.get(key(tenant, service))
    if (metric.startsWith(TEMPLATE_METRIC)) return admitTemplate(known, tenant, metric, nowMs)
    if (known?.metrics.includes(metric)) return known
    if (partsOf(metric).operation !== null) return admitOperation(tenant, service, metric)
    if (service !== OTHER && total < bounds.series && (perTenant.get(tenant) ?? 0) < bounds.seriesPerTenant) {
      const state = get(tenant, service)
      add(state, metric)
      return state
    }
    refused++
    const other = get(tenant, OTHER)
    if (other.metrics.includes(metric)) return other
    if (other.metrics.length >= bounds.otherMetrics) return null
    add(other, metric)
    return other
  }
  return {
    admit,
    nameOf,
    all: () => states.values(),
    find: (tenant, service) => states.get(key(tenant, service)),
    restore: (state) => {
      states.set(key(state.tenant, state.service), state)
      count(state.tenant, state.metrics.length)
    },
    forget: (state) => {
      if (states.delete(key(state.tenant, state.service))) count(state.tenant, -state.metrics.length)
    },
    size: () => total,
    refused: () => refused,
  }
}
