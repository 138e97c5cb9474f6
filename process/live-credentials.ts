// The credentials in force: read at the start and after each change, and handed on to whoever authenticates.
import { loadCredentials } from '../api/services/credentials.ts'
import type { Store } from '../api/store/store.ts'
import type { CredentialSnapshot } from '../streams/contracts/principal.ts'

export interface LiveCredentials {
  current(): CredentialSnapshot
  /** Resolves when the change holds everywhere in this process; rejects when it does not hold yet, and goes on trying. */
  refresh(): Promise<void>
  close(): void
}

const AGAIN_MS = 1000

export const openLiveCredentials = async (store: Store, onChange: (snapshot: CredentialSnapshot) => Promise<void>): Promise<LiveCredentials> => {
  let snapshot = await loadCredentials(store)
  let again: NodeJS.Timeout | undefined
  const refresh = async (): Promise<void> => {
    // The change is made, and whoever made it is told that it does not hold yet: it holds as soon as it can be read.
    snapshot = await loadCredentials(store).catch((error: unknown) => {
      clearTimeout(again)
      again = setTimeout(() => { refresh().catch(() => undefined) }, AGAIN_MS)
      throw error
    })
    await onChange(snapshot)
  }
  return { current: () => snapshot, refresh, close: () => clearTimeout(again) }
}
