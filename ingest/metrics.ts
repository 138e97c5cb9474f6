// What ingest counts, as plain numbers that cross threads: per signal, requests by outcome, records, bytes, latency.
// received = accepted + rejected, in records, at any moment.

export const SIGNALS = ['otlp_logs', 'otlp_traces', 'json_logs', 'heartbeat', 'alertmanager', 'prometheus_alerts'] as const
export type CountedSignal = (typeof SIGNALS)[number]

export const LATENCY_BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000] as const

export interface SignalStats {
  /** Requests answered, refused ones included. */
  requests: number
  /** Requests refused, by error code. */
  refused: Record<string, number>
  /** Records of requests that were answered 200. */
  received: number
  accepted: number
  /** Records rejected one by one, by reason. */
  rejected: Record<string, number>
  /** On the wire, of accepted bodies. */
  bytes: number
  inflatedBytes: number
  /** Requests at most LATENCY_BOUNDS_MS[i] long, one more for the rest; not cumulative. */
  latencyCounts: number[]
  latencySumMs: number
}

export interface IngestStats {
  readonly signals: Record<CountedSignal, SignalStats>
  readonly latencyBoundsMs: readonly number[]
  readonly inflightBytes: number
  readonly sockets: number
  readonly openRequests: number
  readonly marks: number
  readonly marksFailed: number
  /** Whether the newest mark was appended; false while the event log takes nothing. */
  readonly logTakesMarks: boolean
}

export interface AcceptedBody {
  readonly records: number
  readonly rejected: Readonly<Record<string, number>>
  readonly bytes: number
  readonly inflatedBytes: number
}

export interface Metrics {
  accepted(signal: CountedSignal, body: AcceptedBody): void
  refused(signal: CountedSignal, code: string): void
  answered(signal: CountedSignal, latencyMs: number): void
  mark(ok: boolean): void
  snapshot(): Pick<IngestStats, 'signals' | 'marks' | 'marksFailed' | 'logTakesMarks'>
}

const emptySignal = (): SignalStats => ({
  requests: 0,
  refused: {},
  received: 0,
  accepted: 0,
  rejected: {},
  bytes: 0,
  inflatedBytes: 0,
  latencyCounts: [...LATENCY_BOUNDS_MS.map(() => 0), 0],
  latencySumMs: 0,
})

export const createMetrics = (): Metrics => {
  const signals = Object.fromEntries(SIGNALS.map((signal) => [signal, emptySignal()])) as Record<CountedSignal, SignalStats>
  const marks = { ok: 0, failed: 0 }
  let logTakesMarks = true
  return {
    accepted: (signal, body) => {
      const stats = signals[signal]
      let rejected = 0
      for (const [reason, count] of Object.entries(body.rejected)) {
        stats.rejected[reason] = (stats.rejected[reason] ?? 0) + count
        rejected += count
      }
      stats.received += body.records
      stats.accepted += body.records - rejected
      stats.bytes += body.bytes
      stats.inflatedBytes += body.inflatedBytes
    },
    refused: (signal, code) => {
      signals[signal].refused[code] = (signals[signal].refused[code] ?? 0) + 1
    },
    answered: (signal, latencyMs) => {
      const stats = signals[signal]
      const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => latencyMs <= bound)
      stats.requests++
      stats.latencyCounts[bucket < 0 ? LATENCY_BOUNDS_MS.length : bucket]++
      stats.latencySumMs += latencyMs
    },
    mark: (ok) => {
      marks[ok ? 'ok' : 'failed']++
      logTakesMarks = ok
    },
    snapshot: () => ({ signals: structuredClone(signals), marks: marks.ok, marksFailed: marks.failed, logTakesMarks }),
  }
}
