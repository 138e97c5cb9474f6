// What the API is handed by the composition root, and what its routes share.
import type { ClickHouse } from '../clickhouse/client.ts'
import type { CredentialSnapshot, Principal, TokenUse } from '../streams/contracts/principal.ts'
import type { Rca } from '../streams/contracts/rca.ts'
import type { SignalSink } from '../streams/contracts/signals.ts'
import type { Cursors } from './cursor.ts'
import type { Incidents } from './services/incidents.ts'
import type { Monitors } from './services/monitors.ts'
import type { Store } from './store/store.ts'

export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ApiConfig {
  readonly listen: {
    readonly host: string
    readonly port: number
    /** Paths of PEM files; plain without. */ readonly tls?: { readonly cert: string; readonly key: string }
  }
  readonly version: string
  readonly secretKey: string
  /** /metrics without a token: for a loopback listener. */
  readonly metricsOpen: boolean
  /** Where heartbeats are sent to. */
  readonly otlpBase: () => string
  /** Of one address; a million unless told otherwise. */
  readonly requestsPerMinute?: number
  /** Several processes work on the store: they count together. */
  readonly sharedStore?: boolean
  /** Proxies whose X-Forwarded-For is believed: addresses and networks; none unless told otherwise. */
  readonly trustProxy?: readonly string[]
  /** Names beside localhost by which /mcp is reached. */
  readonly mcpHosts?: readonly string[]
}

export interface ApiDeps {
  readonly store: Store
  readonly clickhouse: Pick<ClickHouse, 'query'>
  readonly rca: Rca
  readonly signals: SignalSink
  readonly status: () => Promise<object>
  /** 'ok' or what is wrong, by dependency. */
  readonly ready: () => Promise<Record<string, string>>
  readonly metrics: () => Promise<string>
  readonly credentials: () => CredentialSnapshot
  /** At every authenticated request: must take no time. */
  readonly onTokenUse?: (use: TokenUse) => void
  /** Absent when no issuer of JWTs is configured. */
  readonly authenticateJwt?: (token: string) => Promise<Principal | null>
  /** Resolves when the change holds everywhere in this process. */
  readonly onCredentialsChanged: () => Promise<void>
  readonly clock: () => number
  /** How long a caller waits at most; 4.5 s. */
  readonly deadlineMs?: number
  readonly logger: Logger
  /** For a test: what an MCP server has beside ours. */
  readonly extendMcp?: (server: never) => void
}

export interface RouteDeps extends ApiDeps {
  readonly config: ApiConfig
  readonly incidents: Incidents
  readonly monitors: Monitors
  readonly cursors: Cursors
}
