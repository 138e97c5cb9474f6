// One who takes records over OTLP/HTTP and brings them somewhere: ours or a peer, each in processes of its own.
import type { Corpus } from '../load/body.ts'
import type { StoredAttempt } from '../measure/counts.ts'
import type { Part } from '../measure/meter.ts'
import type { Scope } from '../measure/scope.ts'
import type { Durability } from '../report/result.ts'

export interface Contestant {
  readonly name: string
  readonly durability: Durability
  readonly notes?: readonly string[]
  /** False: what it does with records leaves nothing to count. */
  readonly isCounted?: boolean
  /** Starts it, empty. */
  open(scope: Scope): Promise<Opened>
}

export interface Opened {
  readonly url: string
  readonly path?: string
  readonly token: string
  /** Of other tenants, taken in turn. */
  readonly moreTokens?: readonly string[]
  /** `pipeline` and whatever it stands on. */
  readonly parts: Readonly<Record<string, Part>>
  /** Resolves when so many records since its start are where it brings them, or no more come. */
  arrived(records: number): Promise<void>
  /** What has arrived of a run. May stop the contestant. */
  attempts(corpus: Corpus, run: string): Promise<readonly StoredAttempt[]>
  /** Where records lie on the disk; null: they do not. */
  readonly directory: string | null
  /** Attempts of the run `probe` that a query finds; absent: nothing can be asked. */
  readonly probes?: () => Promise<readonly number[]>
}

export const PROBE = { run: 'probe', service: 'probe' } as const
/** Probes are of another time than the rest, so that finding them reads little. */
export const PROBE_SHIFT_MS = -2 * 3_600_000
const PROBES_BEFORE_MS = 3_600_000
export const probesSql = (nowMs: number): string =>
  `SELECT DISTINCT LogAttributes['attempt.id'] AS id FROM otel_logs WHERE ServiceName = '${PROBE.service}-0' AND Timestamp < fromUnixTimestamp64Milli(${Math.floor(nowMs - PROBES_BEFORE_MS)})`
