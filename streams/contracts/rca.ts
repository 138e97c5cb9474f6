// What root-cause analysis answers. Implemented by `analytics/rca`, handed to the API by `main.ts`.
// Times in answers are RFC 3339; every edge and every cause carries evidence with numbers and a GET path of ours that shows it.
import type { SignalKind } from './signals.ts'

export type Direction = 'downstream' | 'upstream' | 'undirected'
/** How an edge between two services is known. */
export type EdgeSource = 'span' | 'trace' | 'declared' | 'correlation'
export type EvidenceKind = 'span' | 'declared' | 'trace' | 'correlation' | 'anomaly' | 'alert' | 'template' | 'deploy' | 'heartbeat'

export interface Evidence {
  readonly kind: EvidenceKind
  readonly statement: string
  readonly numbers: Readonly<Record<string, number>>
  readonly link: string
}

/** `upstream` = what the service depends on (its callees), `downstream` = its callers; lag < 0: the related one moved first. */
export interface Correlation {
  readonly related_service: string
  readonly correlation_score: number
  readonly lag_minutes: number
  readonly direction: Direction
}
export interface Correlations {
  readonly service_id: string
  readonly correlations: readonly Correlation[]
}

export interface IncidentSignal {
  readonly kind: SignalKind
  readonly id: string
  readonly service: string
  readonly summary: string
  readonly startedAtMs: number
  readonly endedAtMs: number | null
}
/** An earlier incident of the tenant, for `similar`. */
export interface PastIncident {
  readonly id: string
  readonly services: readonly string[]
  readonly summaries: readonly string[]
  /** Messages of its errors, where they were kept. */ readonly templates?: readonly string[]
  readonly resolution: string
}

export interface IncidentRef {
  readonly id: string
  readonly tenant: string
  readonly openedAtMs: number
  readonly services: readonly string[]
  readonly signals: readonly IncidentSignal[]
  /** Resolved incidents of the tenant that may resemble this one; none when absent. */
  readonly past?: readonly PastIncident[]
}

export type CauseKind =
  | 'errors'
  | 'latency'
  | 'resource'
  | 'new_messages'
  | 'traffic_drop'
  | 'traffic_rise'
  | 'alert'
  | 'heartbeat'
  | 'deploy'
/** What a score is the product of, each 0 to 1. */
export interface CauseFactors {
  readonly suspicion: number
  readonly unexplained: number
  readonly reached: number
  readonly correlation: number
  readonly inTime: number
  readonly changed: number
}
export interface Cause {
  readonly rank: number
  readonly service: string
  readonly score: number
  readonly factors: CauseFactors
  readonly evidence: readonly Evidence[]
}
export interface TimelineEntry {
  readonly at: string
  readonly what: string
  readonly ref: string
}
export interface Analysis {
  readonly incidentId: string
  readonly generatedAt: string
  readonly verdict: {
    readonly cause: { readonly service: string; readonly kind: CauseKind; readonly confidence: number } | null
    readonly summary: string
  }
  readonly causes: readonly Cause[]
  readonly timeline: readonly TimelineEntry[]
  readonly similar: readonly {
    readonly incidentId: string
    readonly similarity: number
    readonly resolution: string
    /** What both have. */ readonly because: string
  }[]
  readonly nextChecks: readonly string[]
  /** GET paths: what else is hit, and all of it as a picture. */
  readonly links: { readonly blast: string; readonly graph: string }
  readonly window: { readonly from: string; readonly to: string }
}

export interface Impacted {
  readonly service: string
  /** Null where nobody has said. */
  readonly owner: string | null
  /** From the root to this service, both included. */
  readonly path: readonly string[]
  readonly relation: Direction
  readonly evidence: readonly Evidence[]
}
export interface BlastEdge {
  readonly from: string
  readonly to: string
  readonly kind: 'calls' | 'correlates'
  readonly evidence: readonly Evidence[]
}
export interface Blast {
  readonly incidentId: string
  readonly root: string
  readonly impacted: readonly Impacted[]
  readonly edges: readonly BlastEdge[]
}

/** What people have told of their services. */
export interface Topology {
  readonly owners: ReadonlyMap<string, string>
  readonly declared: readonly { readonly from: string; readonly to: string }[]
}

export interface IncidentGraphService {
  readonly service: string
  readonly owner: string | null
  /** Of a cause. */
  readonly rank: number | null
  readonly score: number | null
  /** A signal of the incident is about it. */
  readonly noticed: boolean
  /** It depends on the first of the causes, itself or through others. */
  readonly impacted: boolean
}
export interface IncidentGraphEdge {
  /** The caller where `directed`. */
  readonly from: string
  readonly to: string
  readonly directed: boolean
  readonly kind: EdgeSource
  /** Spans or shared traces. */
  readonly calls: number | null
  /** Scaled up from a sample of traces. */
  readonly isEstimate: boolean
  /** How far both move together; null: not significantly. */
  readonly correlation: number | null
  /** It lies between the first of the causes and where trouble was noticed. */
  readonly way: boolean
}
export interface IncidentGraph {
  readonly incidentId: string
  readonly cause: Analysis['verdict']['cause']
  readonly services: readonly IncidentGraphService[]
  readonly edges: readonly IncidentGraphEdge[]
  /** Services that there were too many of. */
  readonly omitted: number
  readonly window: Analysis['window']
}

export interface TopologyQuestion {
  /** Null: all of them. */
  readonly service: string | null
  /** Calls away from the service. */
  readonly depth: number
  readonly fromMs: number
  readonly toMs: number
  /** Also what merely moves together. */
  readonly correlation: boolean
}
export interface TopologyService {
  readonly service: string
  readonly owner: string | null
  /** It sent logs or spans in the window. */
  readonly seen: boolean
  /** Somebody has said something of it. */
  readonly declared: boolean
  /** In closed buckets. */
  readonly records: number
  readonly errors: number
  /** In the window; to ten seconds where no trace says it better. */
  readonly firstSeen: string | null
  readonly lastSeen: string | null
}
export interface TopologyEdge {
  /** The caller where `directed`. */
  readonly from: string
  readonly to: string
  readonly directed: boolean
  /** What it is known by best; `sources` has the others too. */
  readonly kind: EdgeSource
  readonly sources: readonly EdgeSource[]
  /** Spans, or traces of those that were examined; null where nobody counted. */
  readonly calls: number | null
  /** Of these calls, those in which the called one failed; null where that is not known. */
  readonly errors: number | null
  /** In the window: the edge may be older. */
  readonly firstSeen: string | null
  readonly lastSeen: string | null
  readonly evidence: readonly Evidence[]
}
export interface ServiceTopology {
  readonly services: readonly TopologyService[]
  readonly edges: readonly TopologyEdge[]
  /** Traces over two services or more that were read, and about how many there are. */
  readonly traces: { readonly examined: number; readonly found: number }
  readonly truncated: boolean
}

export interface Rca {
  correlations(tenant: string, service: string, depth: number, atMs: number): Promise<Correlations>
  analysis(incident: IncidentRef): Promise<Analysis>
  blast(incident: IncidentRef): Promise<Blast>
  /** Its causes, what they reach, and the edges between them, as one picture has them. */
  graph(incident: IncidentRef): Promise<IncidentGraph>
  /** Who calls whom in a window, and how that is known. */
  topology(tenant: string, question: TopologyQuestion): Promise<ServiceTopology>
  /** Services linked to this one by evidence, in either direction; answered from a memory of at most 30 s. */
  neighbours(tenant: string, service: string, atMs: number): Promise<string[]>
}
