// When each token was last used: noted in memory as requests come, written for all of them at once, once a minute.
import type { TokenUse } from '../../streams/contracts/principal.ts'
import type { Store } from '../store/store.ts'

export interface TokenUses {
  /** Takes no time: to be called at every request. Only of tokens that exist, which bounds what is kept. */
  note(use: TokenUse): void
  /** Writes what was noted since; what cannot be written is kept for the next time. */
  flush(): Promise<void>
  close(): Promise<void>
}

const FLUSH_EVERY_MS = 60_000

export const createTokenUses = (
  config: { readonly flushEveryMs?: number },
  deps: { readonly store: Pick<Store, 'query'>; readonly onError: (error: unknown) => void },
): TokenUses => {
  let noted = new Map<string, TokenUse>()
  const note = (use: TokenUse): void => {
    if (use.atMs > (noted.get(use.tokenId)?.atMs ?? 0)) noted.set(use.tokenId, use)
  }
  const flush = async (): Promise<void> => {
    if (noted.size === 0) return
    const uses = [...noted.values()]
    noted = new Map()
    try {
      await deps.store.query(
        `UPDATE tokens SET last_used_at = used.at FROM jsonb_to_recordset($1::jsonb) AS used (tenant text, id text, at timestamptz)
         WHERE tokens.tenant = used.tenant AND tokens.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)`,
        [JSON.stringify(uses.map((use) => ({ tenant: use.tenant, id: use.tokenId, at: new Date(use.atMs).toISOString() })))],
      )
    } catch (error) {
      uses.forEach(note)
      deps.onError(error)
    }
  }
  const timer = setInterval(() => {
    void flush()
  }, config.flushEveryMs ?? FLUSH_EVERY_MS).unref()
  return {
    note,
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}
