// What people said of series, as the watchdog applies it. Every tenant's, read again when the number of changes is another: any process
// may have made the change. When the store is away, what was read stays in force.
import type { LoadRules, RulesOf, SeriesRule, Side } from '../../streams/contracts/detection.ts'
import type { Store } from '../store/store.ts'

export interface Setting {
  readonly sensitivity: number | null
  readonly direction: Side | null
  readonly ignored: boolean | null
}
export interface StoredSetting extends Setting {
  readonly tenant: string
  readonly service: string
  readonly metric: string
}
export interface NoiseMarks {
  readonly up: number
  readonly down: number
}

/** Each anomaly that was called noise raises the threshold of its series and side by a quarter, up to four times. */
export const NOISE_STEP = 1.25
export const MAX_NOISE_FACTOR = 4
export const factorOf = (marks: number): number => Number(Math.min(MAX_NOISE_FACTOR, NOISE_STEP ** marks).toFixed(4))

const NOTHING: Setting = { sensitivity: null, direction: null, ignored: null }

/** What is said of the series goes before what is said of its service, field by field. */
export const ruleOf = (series: Setting = NOTHING, service: Setting = NOTHING, marks: NoiseMarks = { up: 0, down: 0 }): SeriesRule => ({
  sensitivity: series.sensitivity ?? service.sensitivity ?? 1,
  direction: series.direction ?? service.direction,
  ignored: series.ignored ?? service.ignored ?? false,
  noiseFactor: { up: factorOf(marks.up), down: factorOf(marks.down) },
})

interface Said {
  readonly settings: Map<string, Setting>
  readonly marks: Map<string, NoiseMarks>
}
interface StoredMarks {
  tenant: string
  service: string
  metric: string
  up: number
  down: number
}

const read = async (store: Store): Promise<RulesOf> => {
  const tenants = new Map<string, Map<string, Said>>()
  const of = (tenant: string, service: string): Said => {
    let services = tenants.get(tenant)
    if (services === undefined) tenants.set(tenant, (services = new Map()))
    let said = services.get(service)
    if (said === undefined) services.set(service, (said = { settings: new Map(), marks: new Map() }))
    return said
  }
  for (const { tenant, service, metric, ...setting } of await store.query<StoredSetting>(
    'SELECT tenant, service, metric, sensitivity, direction, ignored FROM detection_settings',
  ))
    of(tenant, service).settings.set(metric, setting)
  const noise = await store.query<StoredMarks>(
    `SELECT tenant, service, metric, count(*) FILTER (WHERE direction = 1)::int AS up, count(*) FILTER (WHERE direction = -1)::int AS down FROM anomaly_feedback
     WHERE verdict = 'noise' GROUP BY tenant, service, metric`,
  )
  for (const { tenant, service, metric, up, down } of noise) of(tenant, service).marks.set(metric, { up, down })
  return (tenant, service) => {
    const said = tenants.get(tenant)?.get(service)
    return said === undefined ? undefined : (metric) => ruleOf(said.settings.get(metric), said.settings.get(''), said.marks.get(metric))
  }
}

/** How often the store is asked at most, however many shards ask. */
const LOOK_EVERY_MS = 500

export const createDetectionRules = (store: Store, { lookEveryMs = LOOK_EVERY_MS } = {}): LoadRules => {
  let version = -1
  let rules: RulesOf | null = null
  let lookedAt = -Infinity
  let looking: Promise<void> | null = null
  const look = async (): Promise<void> => {
    const [{ version: now }] = await store.query<{ version: number }>('SELECT version FROM detection_version')
    if (Number(now) !== version) rules = await read(store)
    // Read before the rules: a change in between is seen again, never missed.
    version = Number(now)
    lookedAt = performance.now()
  }
  return async () => {
    if (rules === null || performance.now() - lookedAt >= lookEveryMs) {
      looking ??= look().finally(() => {
        looking = null
      })
      await looking.catch((error: unknown) => {
        if (rules === null) throw error
      })
    }
    return rules!
  }
}
