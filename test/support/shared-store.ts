// One embedded store for the test files of a process that has many: to open one takes two seconds of processor time, to empty it a tenth of one.
import type { Store } from '../../api/store/store.ts'

/** A store and what it held when it was new: each table's rows, as JSON. */
interface Shared {
  readonly store: Store
  readonly rows: ReadonlyMap<string, string>
}

const KEY = Symbol.for('lapwing.tests.shared-store')
/** Nobody uses it now. Modules are loaded anew for each file, the process stays. */
const idle = globalThis as { [KEY]?: Shared }

const readTables = async (store: Store): Promise<ReadonlyMap<string, string>> => {
  const tables = await store.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
  const rows = new Map<string, string>()
  for (const { name } of tables) {
    const [{ json }] = await store.query<{ json: string }>(`SELECT coalesce(json_agg(t), '[]')::text AS json FROM ${name} t`)
    rows.set(name, json)
  }
  return rows
}

const toNew = async ({ store, rows }: Shared): Promise<void> => {
  // A replica's session fires no triggers: those of the audit log would refuse.
  await store.query('SET session_replication_role = replica')
  await store.query(`TRUNCATE ${[...rows.keys()].join(', ')} RESTART IDENTITY`)
  for (const [table, json] of rows)
    if (json !== '[]') await store.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [json])
  await store.query('SET session_replication_role = origin')
}

/** The process's store, as it was when it was new; `open` makes one when there is none, or when it is in use. */
export const borrowStore = async (open: () => Promise<Store>): Promise<{ readonly store: Store; close(): Promise<void> }> => {
  const found = idle[KEY]
  delete idle[KEY]
  const store = found?.store ?? (await open())
  const shared = found ?? { store, rows: await readTables(store) }
  return {
    store,
    close: async () => {
      await toNew(shared)
      idle[KEY] = shared
    },
  }
}
