// Chooses the engine of the control plane: a PostgreSQL server when a URL is given, else PGlite in the data directory.
// Migrations have run when it resolves.
import { openPglite } from './pglite.ts'
import type { Store } from './store.ts'

export const openStore = async (config: {
  readonly databaseUrl: string | null
  readonly databaseTlsCa?: string | null
  readonly directory: string
}): Promise<Store> => {
  if (config.databaseUrl === null) return await openPglite(config.directory)
  // Only who has a server pays for loading its client.
  return await (await import('./pg.ts')).openPg(config.databaseUrl, config.databaseTlsCa)
}
