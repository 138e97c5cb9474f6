// What the main thread and the ingest thread say to each other.
import type { CredentialSnapshot, Principal, TokenUse } from '../streams/contracts/principal.ts'
import type { LogBytesTotal, LogBytesUse } from '../streams/contracts/log-bytes.ts'
import type { RateUse } from '../streams/contracts/rate-limiter.ts'
import type { ErrorCode } from '../streams/contracts/errors.ts'
import type { EventLogConfig } from '../streams/open-event-log.ts'
import type { IngestAddresses, IngestConfig } from './ingest.ts'
import type { IngestStats } from './metrics.ts'

export interface IngestThreadConfig extends IngestConfig {
  readonly log: EventLogConfig
  /** JWTs are asked about. */ readonly acceptJwt: boolean
}
export interface IngestThreadData {
  readonly config: IngestThreadConfig
  readonly credentials: CredentialSnapshot
  readonly logBytes: readonly LogBytesTotal[]
}

export type ToThread =
  | {
      readonly kind: 'credentials'
      readonly id: number
      /** Null: what is known is too old to go by. */ readonly snapshot: CredentialSnapshot | null
    }
  | { readonly kind: 'jwt'; readonly hash: string; readonly found: Principal | null | 'unknown' }
  /** Answers a report of the same kind. */
  | { readonly kind: 'log_bytes'; readonly totals: readonly LogBytesTotal[] }
  /** Answers a report of the same kind. */
  | { readonly kind: 'rates'; readonly others: readonly RateUse[] | null }
  | { readonly kind: 'stats'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number }

export type FromThread =
  | { readonly kind: 'listening'; readonly addresses: IngestAddresses }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly fields: object; readonly message: string }
  | { readonly kind: 'ask_jwt'; readonly token: string; readonly hash: string }
  | { readonly kind: 'token_uses'; readonly uses: readonly TokenUse[] }
  | { readonly kind: 'log_bytes'; readonly uses: readonly LogBytesUse[] }
  | { readonly kind: 'rates'; readonly uses: readonly RateUse[] }
  | { readonly kind: 'done'; readonly id: number; readonly stats: IngestStats | null }
