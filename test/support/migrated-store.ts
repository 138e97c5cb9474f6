// A migrated store of a test's own. PGlite's initdb takes seconds, so it runs once for a set of migrations and everybody gets a copy.
// The suite of the PostgreSQL server sets LAPWING_TEST_DATABASE_URL: the same tests then get a database of their own on that server.
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readMigrations } from '../../api/store/migrate.ts'
import { openStore } from '../../api/store/open-store.ts'
import type { Store } from '../../api/store/store.ts'
import { createDatabase } from './postgres-database.ts'
import { borrowStore } from './shared-store.ts'

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const serverUrl = process.env.LAPWING_TEST_DATABASE_URL ?? null
const sharedDirectory = process.env.LAPWING_TEST_STORES

/** Named after the migrations and the engine, so that a changed one is never tested on an old copy. */
const templateName = (): string => {
  const engine = readFileSync(join(modules, '@electric-sql/pglite/package.json'), 'utf8')
  return `lapwing-store-${createHash('sha256').update(JSON.stringify(readMigrations())).update(engine).digest('hex').slice(0, 16)}`
}

const makeTemplate = async (): Promise<string> => {
  const cache = join(modules, '.cache')
  const template = join(cache, templateName())
  if (existsSync(template)) return template
  mkdirSync(cache, { recursive: true })
  const building = mkdtempSync(join(cache, 'lapwing-store-building-'))
  await (await openStore({ databaseUrl: null, directory: building })).close()
  try {
    renameSync(building, template)
  } catch (error) {
    // Another test file was first: its copy is as good.
    rmSync(building, { recursive: true, force: true })
    if (!existsSync(template)) throw error
  }
  return template
}

/** template1 and template0, which nobody opens: a third of the bytes, and of the time that a copy takes. */
const NEVER_WRITTEN = /^base\/[14]\//

const linkOrCopy = (source: string, target: string): void => {
  try {
    linkSync(source, target)
  } catch {
    // Another file system.
    copyFileSync(source, target)
  }
}
/** Makes the directory, too. */
export const copyMigratedStore = async (directory: string): Promise<void> => {
  const template = await makeTemplate()
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const entry of readdirSync(template, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name)
    const path = relative(template, source)
    const target = join(directory, path)
    if (entry.isDirectory()) mkdirSync(target, { recursive: true })
    else if (NEVER_WRITTEN.test(path)) linkOrCopy(source, target)
    else copyFileSync(source, target)
  }
}

/** A place that keeps a store across close and open. */
export interface StorePlace {
  open(): Promise<Store>
  remove(): Promise<void>
}

export const createPglitePlace = async (within = tmpdir()): Promise<StorePlace> => {
  const directory = mkdtempSync(join(within, 'lapwing-store-'))
  await copyMigratedStore(directory)
  return {
    open: () => openStore({ databaseUrl: null, directory }),
    remove: async () => {
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export const createPostgresPlace = async (url: string): Promise<StorePlace> => {
  const database = await createDatabase(url)
  return { open: () => openStore({ databaseUrl: database.url, directory: '' }), remove: () => database.drop() }
}

export const openMigratedStore = async (): Promise<{ readonly store: Store; close(): Promise<void> }> => {
  if (serverUrl === null && sharedDirectory !== undefined)
    return await borrowStore(async () => await (await createPglitePlace(sharedDirectory)).open())
  const place = serverUrl === null ? await createPglitePlace() : await createPostgresPlace(serverUrl)
  const store = await place.open()
  return {
    store,
    close: async () => {
      await store.close()
      await place.remove()
    },
  }
}
