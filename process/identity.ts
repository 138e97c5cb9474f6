// Who calls, for whoever authenticates in this process: live credentials, JWTs, and what is counted of tokens.
import { createGuardedFetch } from '../api/egress/guarded-fetch.ts'
import type { AllowList } from '../api/egress/address.ts'
import type { JwtVerifier } from '../api/services/jwt.ts'
import type { JwtConfig } from '../api/services/jwt-config.ts'
import { createJwtSessions } from '../api/services/jwt-sessions.ts'
import { createLogBytes, type LogBytes } from '../api/services/log-bytes.ts'
import { createTokenUses, type TokenUses } from '../api/services/token-use.ts'
import type { Store } from '../api/store/store.ts'
import type { Config } from '../config.ts'
import type { CredentialSnapshot, Principal } from '../streams/contracts/principal.ts'
import type { OnClose } from './closers.ts'
import { openLiveCredentials, type LiveCredentials } from './live-credentials.ts'
import type { Logger } from './logger.ts'

export interface Identity {
  readonly credentials: LiveCredentials
  readonly tokenUses: TokenUses
  readonly logBytes: LogBytes
  /** Empty when no issuer of JWTs is configured. */
  readonly jwt: { readonly authenticateJwt?: (token: string) => Promise<Principal | null> }
  /** Resolves when a change of credentials holds in this process. */
  refresh(): Promise<void>
}
export interface IdentityDeps {
  readonly store: Store
  readonly clock: () => number
  readonly logger: Logger
  readonly onClose: OnClose
  /** Null: what is known is too old to go by. */ readonly onChange: (snapshot: CredentialSnapshot | null) => Promise<void>
}

/** Only who has an issuer pays for loading what checks signatures. */
const openJwtVerifier = async (jwt: JwtConfig, allow: AllowList): Promise<JwtVerifier> =>
  (await import('../api/services/jwt.ts')).createJwtVerifier(jwt, createGuardedFetch({ allow }))

export const openIdentity = async (config: Config, deps: IdentityDeps): Promise<Identity> => {
  const { store, clock, logger, onClose } = deps
  const tokenUses = createTokenUses({}, { store, onError: (error) => logger.warn({ error: String(error) }, 'token use not written') })
  onClose(() => tokenUses.close())
  const logBytes = createLogBytes({
    store,
    clock,
    onError: (error) => logger.warn({ error: String(error) }, 'log bytes of tokens not written'),
  })
  onClose(() => logBytes.close())
  const jwts =
    config.jwt === null ? null : createJwtSessions({ store, verify: await openJwtVerifier(config.jwt, config.egressAllow), clock })
  const onChange = (snapshot: CredentialSnapshot | null): Promise<void> => {
    jwts?.forget()
    return deps.onChange(snapshot)
  }
  const credentials = await openLiveCredentials(
    { isShared: config.databaseUrl !== null },
    {
      store,
      onChange,
      onError: (error) => logger.warn({ error: String(error) }, 'credentials could not be looked at'),
    },
  )
  onClose(() => credentials.close())
  return {
    credentials,
    tokenUses,
    logBytes,
    jwt: jwts === null ? {} : { authenticateJwt: (token) => jwts.authenticate(token) },
    refresh: () => credentials.refresh(),
  }
}
