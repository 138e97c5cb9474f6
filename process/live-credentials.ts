// The credentials in force: read at the start and after each change, and handed on to whoever authenticates. Where several processes
// share a store, each looks every half second whether another has changed them, and is told at once where it can listen.
// Without the store what was read stays in force for ten minutes; after that nobody can say whether it still holds.
import { loadCredentials } from '../api/services/credentials.ts'
import type { Store } from '../api/store/store.ts'
import type { CredentialSnapshot } from '../streams/contracts/principal.ts'
import { startRepeating } from '../streams/contracts/repeat.ts'
import { createSerialRefresh } from './serial-refresh.ts'

export interface LiveCredentials {
  current(): CredentialSnapshot
  /** Resolves when the change holds everywhere in this process; rejects when it does not hold yet, and goes on trying. */
  refresh(): Promise<void>
  /** What was read may be out of date: the store has not answered for ten minutes. */
  isStale(): boolean
  close(): Promise<void>
}
export interface LiveCredentialsConfig {
  readonly isShared: boolean
  readonly lookEveryMs?: number
  readonly trustMs?: number
}
export interface LiveCredentialsDeps {
  readonly store: Store
  /** Called with each new snapshot, and with null once the last is stale. */
  readonly onChange: (snapshot: CredentialSnapshot | null) => Promise<void>
  readonly onError: (error: unknown) => void
}

const AGAIN_MS = 1000
const LOOK_EVERY_MS = 500
const TRUST_MS = 600_000

export const openLiveCredentials = async (config: LiveCredentialsConfig, deps: LiveCredentialsDeps): Promise<LiveCredentials> => {
  const { lookEveryMs = LOOK_EVERY_MS, trustMs = TRUST_MS } = config
  const readVersion = async (): Promise<number> =>
    Number((await deps.store.query<{ version: number }>('SELECT version FROM credential_version'))[0].version)
  // Read before the credentials: a change in between is seen again, never missed.
  let version = await readVersion()
  let snapshot = await loadCredentials(deps.store)
  let checkedAt = performance.now()
  let isStale = false
  let again: NodeJS.Timeout | undefined
  let closed = false

  const load = createSerialRefresh(async () => {
    const seen = await readVersion()
    const loaded = await loadCredentials(deps.store)
    version = seen
    snapshot = loaded
    checkedAt = performance.now()
    isStale = false
    await deps.onChange(snapshot)
  })
  const refresh = async (): Promise<void> => {
    // The change is made, and whoever made it is told that it does not hold yet: it holds as soon as it can be read.
    await load().catch((error: unknown) => {
      clearTimeout(again)
      if (!closed)
        again = setTimeout(() => {
          refresh().catch(() => undefined)
        }, AGAIN_MS)
      throw error
    })
  }
  const look = async (): Promise<void> => {
    if ((await readVersion()) !== version || isStale) await load()
    else checkedAt = performance.now()
  }
  let isFailing = false
  const lookOrGrowStale = (): Promise<void> =>
    look().then(
      () => {
        isFailing = false
      },
      async (error: unknown) => {
        if (!isFailing) deps.onError(error)
        isFailing = true
        if (isStale || performance.now() - checkedAt < trustMs) return
        isStale = true
        await deps.onChange(null)
      },
    )
  const looking = config.isShared
    ? startRepeating(lookOrGrowStale, { firstAfterMs: lookEveryMs, everyMs: lookEveryMs }, deps.onError)
    : undefined
  const listener = config.isShared
    ? deps.store.listen?.('lapwing_credentials', () => {
        look().catch(() => undefined)
      })
    : undefined

  return {
    current: () => snapshot,
    refresh,
    isStale: () => isStale,
    close: async () => {
      closed = true
      clearTimeout(again)
      await Promise.all([looking?.close(), listener?.close()])
    },
  }
}
