// Who is calling: one model for every kind of credential. The tenant comes from here and from nowhere else.

export type Role = 'viewer' | 'member' | 'admin' | 'owner' | 'super-admin'

export interface Principal {
  readonly tenant: string
  readonly userId: string
  readonly email: string
  readonly role: Role
  /** Token id; empty for a session. */
  readonly tokenId: string
  readonly scopes: readonly string[]
  /** Unix milliseconds; null = never. */
  readonly expiresAtMs: number | null
  /** Requests per second over all processes; absent = no limit of its own. */
  readonly rateLimitRps?: number
  /** Of the token, per UTC day; absent or null = no cap. */
  readonly dailyMutationLimit?: number | null
  readonly dailyLogBytesLimit?: number | null
}

/** That a token authenticated a request. */
export interface TokenUse {
  readonly tenant: string
  readonly tokenId: string
  readonly atMs: number
}

export interface HeartbeatTarget {
  readonly monitorId: string
  readonly tenant: string
}

/** Read-only credentials as ingest needs them: pushed to it, looked up in memory. Keys are SHA-256 in lower-case hex. */
export interface CredentialSnapshot {
  readonly tokens: readonly (readonly [sha256: string, principal: Principal])[]
  readonly heartbeats: readonly (readonly [sha256: string, target: HeartbeatTarget])[]
}

const MAX_JWT_LENGTH = 8192
/** Three base64url parts: worth a look at its signature. */
export const looksLikeJwt = (token: string): boolean => token.length <= MAX_JWT_LENGTH && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)

/** True when one of `scopes` grants `needed` ("logs:write"): itself, "logs:*" or "*". */
export const hasScope = (scopes: readonly string[], needed: string): boolean =>
  scopes.includes('*') || scopes.includes(needed) || scopes.includes(`${needed.slice(0, needed.indexOf(':'))}:*`)
