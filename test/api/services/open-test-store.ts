// A real embedded store for each test file: initdb and the migrations run once on a machine, files get a copy of the result.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readMigrations } from '../../../api/store/migrate.ts'
import { openPglite } from '../../../api/store/pglite.ts'
import type { Actor } from '../../../api/services/audit.ts'
import type { Store } from '../../../api/store/store.ts'

/** Named after the migrations, so that a changed one is never tested on an old copy. */
const templateDirectory = (): string => {
  const version = createHash('sha256').update(JSON.stringify(readMigrations())).digest('hex').slice(0, 16)
  return join(tmpdir(), `lapwing-test-store-${version}`)
}

const makeTemplate = async (): Promise<string> => {
  const template = templateDirectory()
  if (existsSync(template)) return template
  const building = mkdtempSync(join(tmpdir(), 'lapwing-test-store-building-'))
  await (await openPglite(building)).close()
  try {
    renameSync(building, template)
  } catch (error) {
    // Another test file was first: its copy is as good.
    rmSync(building, { recursive: true, force: true })
    if (!existsSync(template)) throw error
  }
  return template
}

export interface TestStore { readonly store: Store; close(): Promise<void> }

/** `tenants` exist, each with an owner "user_<tenant>". */
export const openTestStore = async (tenants: readonly string[] = ['acme', 'globex']): Promise<TestStore> => {
  const template = await makeTemplate()
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-services-'))
  cpSync(template, directory, { recursive: true })
  const store = await openPglite(directory)
  for (const tenant of tenants) {
    await store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [tenant])
    await store.query('INSERT INTO users (id, email) VALUES ($1, $2)', [`user_${tenant}`, `owner@${tenant}.test`])
    await store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, 'owner')", [tenant, `user_${tenant}`])
  }
  return {
    store,
    close: async () => {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export const actorOf = (tenant: string, change: Partial<Actor> = {}): Actor => ({
  userId: `user_${tenant}`, tokenId: 'pat_test', email: `owner@${tenant}.test`, agentId: null, conversationId: null,
  ip: '127.0.0.1', ua: 'test', requestId: 'req_test', ...change,
})
