// Loads what lies around a moment from ClickHouse and lets the pure part answer. One loaded window serves the questions of
// the next 30 seconds.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { newTemplates } from '../../clickhouse/queries/log-patterns.ts'
import {
  deploymentsInWindow,
  errorTemplates,
  tracesOfService,
  VERSION_SLICES,
  versionsInWindow,
  type VersionRow,
} from '../../clickhouse/queries/rca.ts'
import { pointsInWindow, type WindowPoint } from '../../clickhouse/queries/series-points.ts'
import { patternOfTemplate } from '../../streams/contracts/pattern-id.ts'
import type { IncidentRef, Rca, Topology } from '../../streams/contracts/rca.ts'
import { analyse, GRID_MS, type Loaded } from './analyse.ts'
import { blastOf, correlationsOf, neighboursOf, rootOf } from './blast.ts'
import type { NewMessage, WindowMs } from './evidence.ts'
import { declaredEdge, spanEdge } from './graph.ts'
import type { Deploy } from './rank.ts'
import { incidentGraphOf } from './incident-graph.ts'
import { loadTopology } from './load-topology.ts'
import { loadTraces, sliceMsOf, toTrace } from './load-traces.ts'
import { toSeries } from './to-series.ts'
import { loadSpanCalls } from './span-calls.ts'
import { topologyOf } from './topology.ts'

const BEFORE_MS = 15 * 60_000
const AFTER_MS = 5 * 60_000
/** Correlations look back only: a question about now has no afterwards. */
const LOOK_BACK_MS = 30 * 60_000
/** Who calls a service changes slowly, and some call it seldom. */
const CALLERS_BEFORE_MS = 6 * 3_600_000
const KEEP_MS = 30_000
const MAX_KEPT = 64
/** Services whose new messages are looked up. */
const MAX_ASKED = 50
const ERROR_CLASS = 5

/** Of each question to the store: less than what an answer may take. */
const TIMEOUT_MS = 4000
/** Of a window with more records, samples are read for their versions. */
const RECORDS_OF_VERSIONS = 500_000
/** While a deployment rolls, both versions speak; one that was silent for so long has been put in place of the other. */
const ROLLING_MS = 2 * 60_000

/** A version that a service did not have before or went back to, or a deployment that it announced. */
export const toDeploys = (rows: readonly VersionRow[]): Deploy[] => {
  const services = new Map<string, { current: string; readonly seenMs: Map<string, number> }>()
  const deploys: Deploy[] = []
  for (const { service, version, first_ms } of rows.toSorted((a, b) => Number(a.first_ms) - Number(b.first_ms))) {
    const atMs = Number(first_ms)
    if (version.startsWith('event:')) {
      deploys.push({ service, atMs, version: version.slice(6, 86), previous: '' })
      continue
    }
    const known = services.get(service)
    const seenMs = known?.seenMs.get(version)
    if (known === undefined) services.set(service, { current: version, seenMs: new Map([[version, atMs]]) })
    else if (version !== known.current && (seenMs === undefined || atMs - seenMs > ROLLING_MS)) {
      deploys.push({ service, atMs, version, previous: known.current })
      known.current = version
    }
    known?.seenMs.set(version, atMs)
  }
  return deploys
}

/** As far as buckets are closed. */
const recordsOf = (points: readonly WindowPoint[]): number =>
  points.reduce((sum, { metric, count }) => sum + (metric === 'log.rate' ? Number(count) : 0), 0)

const windowOf = (incident: IncidentRef): WindowMs => {
  const onsetMs = Math.min(incident.openedAtMs, ...incident.signals.map((signal) => signal.startedAtMs))
  const fromMs = Math.floor((onsetMs - BEFORE_MS) / GRID_MS) * GRID_MS
  return { fromMs, toMs: Math.ceil((onsetMs + AFTER_MS) / GRID_MS) * GRID_MS }
}

export interface RcaDeps {
  readonly clickhouse: Pick<ClickHouse, 'query'>
  readonly now: () => number
  /** What people have told of owners and dependencies. */
  readonly topology: (tenant: string) => Promise<Topology>
}

export const createRca = ({ clickhouse: store, now, topology }: RcaDeps): Rca => {
  const clickhouse: RcaDeps['clickhouse'] = { query: (query, params) => store.query(query, params, { timeoutMs: TIMEOUT_MS }) }
  const kept = new Map<string, { readonly atMs: number; readonly loaded: Promise<Loaded> }>()

  const load = async (tenant: string, window: WindowMs): Promise<Loaded> => {
    const { fromMs, toMs } = window
    const points = await clickhouse.query(pointsInWindow, { tenant, from: fromMs / 1000, to: toMs / 1000 })
    const records = recordsOf(points)
    const sliceMs = sliceMsOf(window, VERSION_SLICES, { records, most: RECORDS_OF_VERSIONS })
    const [traces, versions, deployments, { owners, declared }, spans] = await Promise.all([
      loadTraces(clickhouse, tenant, window, records),
      clickhouse.query(versionsInWindow, { tenant, fromMs, toMs, sliceMs }),
      clickhouse.query(deploymentsInWindow, { tenant, fromMs, toMs }),
      topology(tenant),
      loadSpanCalls(clickhouse, tenant, window),
    ])
    return {
      window,
      series: toSeries(points, window),
      deploys: toDeploys([...versions, ...deployments]),
      traces: traces.rows.map(toTrace),
      calls: [...spans.map(spanEdge), ...declared.map(({ from, to }) => declaredEdge(from, to))],
      owners,
    }
  }
  /** What services said for the first time: those of the incident, those whose series tell of it, then others. */
  const newMessages = async ({ tenant, services }: IncidentRef, { window, series }: Loaded): Promise<NewMessage[]> => {
    const telling = series
      .filter(({ metrics }) => metrics['log.new_template_rate']?.some((value) => value !== null && value > 0) === true)
      .map(({ service }) => service)
    const asked = [...new Set([...services, ...telling, ...series.map(({ service }) => service)])].slice(0, MAX_ASKED)
    const rows = await clickhouse.query(newTemplates, { tenant, services: asked, ...window })
    return rows.map((row) => ({
      service: row.service,
      pattern: patternOfTemplate(row.template),
      text: row.text,
      firstMs: Number(row.first_ms),
      records: Number(row.records),
      isError: row.severity >= ERROR_CLASS,
    }))
  }
  const loadKept = (tenant: string, window: WindowMs): Promise<Loaded> => {
    const key = JSON.stringify([tenant, window.fromMs, window.toMs])
    const nowMs = now()
    const known = kept.get(key)
    if (known !== undefined && nowMs - known.atMs < KEEP_MS) return known.loaded
    for (const [old, { atMs }] of kept) if (nowMs - atMs >= KEEP_MS || kept.size >= MAX_KEPT) kept.delete(old)
    const loaded = load(tenant, window)
    kept.set(key, { atMs: nowMs, loaded })
    loaded.catch(() => {
      kept.delete(key)
    })
    return loaded
  }
  /** Windows that end at whole half minutes, so that neighbouring questions share one. */
  const lookBack = (atMs: number): WindowMs => {
    const toMs = Math.ceil(atMs / KEEP_MS) * KEEP_MS
    return { fromMs: toMs - LOOK_BACK_MS, toMs }
  }
  /** With the callers of the first of the causes over a longer time. */
  const loadAround = async (incident: IncidentRef): Promise<{ loaded: Loaded; root: string }> => {
    const window = windowOf(incident)
    const loaded = await load(incident.tenant, window)
    const root = rootOf(incident, loaded)
    const known = new Set(loaded.traces.map((trace) => trace.id))
    const callers = { fromMs: window.toMs - CALLERS_BEFORE_MS, toMs: window.toMs }
    const [own, spans] = await Promise.all([
      clickhouse.query(tracesOfService, { tenant: incident.tenant, service: root, ...callers }),
      loadSpanCalls(clickhouse, incident.tenant, callers),
    ])
    // Spans of the longer window are those of the shorter one, and more.
    const calls = [...spans.map(spanEdge), ...loaded.calls.filter((edge) => edge.kind !== 'span')]
    return { loaded: { ...loaded, calls, traces: [...loaded.traces, ...own.map(toTrace).filter((trace) => !known.has(trace.id))] }, root }
  }
  return {
    correlations: async (tenant, service, depth, atMs) => correlationsOf(service, depth, await loadKept(tenant, lookBack(atMs))),
    analysis: async (incident) => {
      const window = windowOf(incident)
      const known = incident.past?.some((past) => (past.templates ?? []).length > 0) === true
      const [loaded, templates] = await Promise.all([
        load(incident.tenant, window),
        known ? clickhouse.query(errorTemplates, { tenant: incident.tenant, services: [...incident.services], ...window }) : [],
      ])
      return analyse(
        incident,
        { ...loaded, templates: templates.map((row) => row.template), newMessages: await newMessages(incident, loaded) },
        now(),
      )
    },
    blast: async (incident) => {
      const { loaded, root } = await loadAround(incident)
      return blastOf(incident, loaded, root)
    },
    graph: async (incident) => {
      const { loaded, root } = await loadAround(incident)
      return incidentGraphOf(incident, loaded, root)
    },
    topology: async (tenant, question) => topologyOf(question, await loadTopology(tenant, question, { clickhouse, topology })),
    neighbours: async (tenant, service, atMs) => neighboursOf(service, await loadKept(tenant, lookBack(atMs))),
  }
}
