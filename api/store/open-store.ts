// Chooses the engine of the control plane: a PostgreSQL server when a URL is given, else PGlite in the data directory.
// Migrations have run when it resolves.
import { openPg } from './pg.ts'
import { openPglite } from './pglite.ts'
import type { Store } from './store.ts'

export const openStore = (config: {
  readonly databaseUrl: string | null
  readonly databaseTlsCa?: string | null
  readonly directory: string
}): Promise<Store> => (config.databaseUrl === null ? openPglite(config.directory) : openPg(config.databaseUrl, config.databaseTlsCa))
