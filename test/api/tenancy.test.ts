// No query lacks its tenant: every one of ClickHouse's, every statement of the control plane. Those that serve all tenants
// on purpose are listed, with their reason; and the checker itself is tested by taking each predicate away.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { collectQueries } from '../support/collected-queries.ts'
import { tenancyFaults, type TenancyRules } from '../support/sql-tenancy.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const textsBelow = (folder: string, ending: string): { file: string; text: string }[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => ({ file: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') }))
const queryFiles = textsBelow('clickhouse/queries', '.ts')
const stripComments = (text: string): string => text.replace(/--.*$/gm, '')

const clickhouse: TenancyRules = {
  tables: new Map(
    textsBelow('clickhouse/schema', '.sql').flatMap(({ text }) =>
      [...stripComments(text).matchAll(/CREATE TABLE IF NOT EXISTS (\w+)\s*\(([\s\S]*?)\n\)/g)].map(([, table, columns]) => {
        if (!/^\s*tenant /m.test(columns)) throw new Error(`the table ${table} has no tenant`)
        return [table, 'tenant'] as const
      }),
    ),
  ),
  isParameter: (token) => token === '{tenant:String}',
}

/** Each predicate gone, and each weakened by an OR. */
const mutants = (sql: string, predicate: RegExp): string[] =>
  [...sql.matchAll(predicate)].flatMap(({ 0: text, index }) =>
    ['1 = 1', `(${text} OR 1 = 1)`, `NOT ${text}`].map((instead) => sql.slice(0, index) + instead + sql.slice(index + text.length)),
  )

/** What the installation holds, for its super-admin. */
const FOR_THE_OPERATOR = 'api/routes/tenants.ts'

describe('every query to ClickHouse', async () => {
  const queries = await collectQueries()
  const ofOneTenant = queries.filter((one) => !one.name.startsWith('all_tenants.'))

  it('is among those that are looked at', () => {
    const named = queryFiles.flatMap(({ text }) => [...text.matchAll(/\bname: '([^']+)'/g)].map((match) => match[1]))
    expect([...new Set(queries.map((one) => one.name))].sort()).toEqual([...new Set(named)].sort())
    expect(clickhouse.tables.size).toBeGreaterThanOrEqual(7)
  })

  it.each(ofOneTenant.map((one, index) => [`${one.name} (${index})`, one.sql]))(
    '%s names its tenant for every table that it reads',
    (_name, sql) => {
      expect(tenancyFaults(sql, clickhouse)).toEqual([])
      const broken = mutants(sql, /\b(?:\w+\.)?tenant = \{tenant:String\}/g)
      expect(broken.length).toBeGreaterThan(0)
      for (const one of broken) expect(tenancyFaults(one, clickhouse), one).not.toEqual([])
    },
  )

  it('that serves all tenants is asked by no route but the one of the super-admin', () => {
    const names = queryFiles.flatMap(({ text }) =>
      [...text.matchAll(/export const (\w+)[^=]*= \{\s*name: 'all_tenants\./g)].map((match) => match[1]),
    )
    expect(names.length).toBe(new Set(queries.filter((one) => one.name.startsWith('all_tenants.')).map((one) => one.name)).size)
    for (const { file, text } of [...textsBelow('api/routes', '.ts'), ...textsBelow('api/services', '.ts')].filter(
      (one) => one.file !== FOR_THE_OPERATOR,
    ))
      for (const name of names) expect(text, file).not.toMatch(new RegExp(`\\b${name}\\b`))
  })
})

const migrations = textsBelow('api/store/migrations', '.sql')
const controlPlane: TenancyRules = {
  tables: new Map(
    migrations.flatMap(({ text }) =>
      [...stripComments(text).matchAll(/CREATE (?:UNLOGGED )?TABLE (\w+) \(([\s\S]*?)\n\);/g)].map(
        ([, table, columns]) => [table, table === 'tenants' ? 'id' : /^\s*tenant text/m.test(columns) ? 'tenant' : null] as const,
      ),
    ),
  ),
  isParameter: (token) => /^\$\d+$/.test(token),
}
/** Tables that belong to no tenant; a new one must be thought about. */
const WITHOUT_TENANT = [
  'address_windows',
  'credential_version',
  'detection_version',
  'leases',
  'processes',
  'settings',
  'user_identities',
  'users',
]

/** Statements that serve all tenants, by their beginning. */
const ACROSS_TENANTS: readonly { readonly file: string; readonly sql: string; readonly why: string }[] = [
  {
    file: 'api/services/outbox.ts',
    sql: 'SELECT id, tenant, type, resource, created_at, attempts FROM outbox',
    why: 'the notifier sends for all of them',
  },
  {
    file: 'api/services/outbox.ts',
    sql: 'SELECT count(*)::int AS count, min(created_at) AS oldest FROM outbox',
    why: 'a metric of the process',
  },
  {
    file: 'api/services/incident-lifecycle.ts',
    sql: 'SELECT i.tenant, i.id FROM incidents i WHERE i.reopened_at <=',
    why: 'the sweep resolves for all of them, each under its own lock',
  },
  { file: 'api/services/rate-use.ts', sql: 'DELETE FROM rate_use WHERE used_at <', why: 'what is old is of no use to any of them' },
  { file: 'api/services/outbox.ts', sql: 'DELETE FROM outbox WHERE created_at <', why: 'what is old is of no use to any of them' },
  {
    file: 'api/services/control-plane.ts',
    sql: 'SELECT id, tenant, name, service,',
    why: 'the judge of missed heartbeats works for all of them',
  },
  {
    file: 'api/services/control-plane.ts',
    sql: 'SELECT tenant, fingerprint, state FROM alert_states',
    why: 'so does the one of stale alerts',
  },
  {
    file: 'api/services/detection-rules.ts',
    sql: 'SELECT tenant, service, metric, sensitivity,',
    why: 'the watchdog judges the series of all of them',
  },
  { file: 'api/services/detection-rules.ts', sql: 'SELECT tenant, service, metric, count(*)', why: 'and under what all of them said' },
  { file: 'api/services/muted-signals.ts', sql: 'SELECT s.tenant, s.kind,', why: 'windows of all of them end' },
  {
    file: 'api/services/credentials.ts',
    sql: 'SELECT t.id, t.tenant, t.user_id,',
    why: 'the tenant of a caller is what a credential tells',
  },
  {
    file: 'api/services/credentials.ts',
    sql: 'SELECT id, tenant, token_sha256 FROM monitors',
    why: 'the tenant of a heartbeat is what its token tells',
  },
  { file: 'api/services/bootstrap.ts', sql: 'SELECT 1 FROM tokens WHERE sha256 = $1', why: 'a hash is unique over all tenants' },
  { file: 'api/services/tenants.ts', sql: 'SELECT id, name, plan, created_at FROM tenants', why: 'the super-admin lists them' },
  {
    file: 'api/services/idempotent-answers.ts',
    sql: 'DELETE FROM idempotency_answers WHERE created_at',
    why: 'what has expired has done so for everybody',
  },
  { file: 'api/services/budgets.ts', sql: 'DELETE FROM token_usage WHERE day <', why: 'old days are of no use to any of them' },
  { file: 'api/services/log-bytes.ts', sql: 'SELECT token_id, log_bytes FROM token_usage', why: 'ingest takes in the logs of all of them' },
  { file: 'api/services/token-use.ts', sql: 'UPDATE tokens SET last_used_at = used.at', why: 'each use names its own tenant' },
]

const sources = ['api/routes', 'api/services'].flatMap((folder) => textsBelow(folder, '.ts'))
const statementsOf = (text: string): string[] =>
  [...text.matchAll(/(['"`])\s*((?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s[\s\S]*?)\1/g)].map((match) =>
    match[2].replace(/\$\{\w+\}/g, 'inserted'),
  )
const statements = sources.flatMap(({ file, text }) => statementsOf(text).map((sql) => ({ file, sql })))
const exemptionOf = (one: { file: string; sql: string }) =>
  ACROSS_TENANTS.find((exempt) => exempt.file === one.file && one.sql.startsWith(exempt.sql))

/** It reads or writes such a table, and no other. */
const ofNoTenant = new RegExp(
  `^(INSERT INTO|SELECT [\\w, ]+ FROM|UPDATE|DELETE FROM) (${WITHOUT_TENANT.join('|')})\\b(?![^]*\\b(FROM|JOIN)\\b(?! jsonb_to_recordset))`,
)

describe('every statement of the control plane', () => {
  const checked = statements.filter((one) => exemptionOf(one) === undefined)

  it('stands as a text where it is asked, so that it is looked at', () => {
    for (const { file, text } of sources) {
      const asked = [...text.matchAll(/\b(?:sql|store|deps\.store)\.query(?:<(?:[^<>()]|<[^<>]*>)*>)?\(/g)]
      expect(asked.length, file).toBe(statementsOf(text).length)
    }
    expect(statements.length).toBeGreaterThan(40)
    expect(
      [...controlPlane.tables]
        .filter(([, column]) => column === null)
        .map(([table]) => table)
        .sort(),
    ).toEqual(WITHOUT_TENANT)
  })

  it.each(checked.map(({ file, sql }) => [file, sql.replace(/\s+/g, ' ').slice(0, 90), sql]))(
    '%s: %s… names its tenant',
    (_file, _start, sql) => {
      expect(tenancyFaults(sql, controlPlane)).toEqual([])
      const predicate = /\b(?:(?:\w+\.)?tenant|(?<=tenants\b.*WHERE )id) = \$\d+/g
      const broken = mutants(sql, predicate)
      if (!sql.startsWith('INSERT') && !ofNoTenant.test(sql)) expect(broken.length).toBeGreaterThan(0)
      for (const one of broken) expect(tenancyFaults(one, controlPlane), one).not.toEqual([])
      if (sql.startsWith('INSERT'))
        expect(tenancyFaults(sql.replace(/\btenant,/, 'nobody,'), controlPlane).length).toBe(
          /INTO tenants/.test(sql) || ofNoTenant.test(sql) ? 0 : 1,
        )
    },
  )

  it('that serves all tenants is still there, and would be found', () => {
    for (const exempt of ACROSS_TENANTS) {
      const found = statements.filter((one) => exemptionOf(one) === exempt)
      expect(found, exempt.sql).toHaveLength(1)
      expect(tenancyFaults(found[0].sql, controlPlane), exempt.sql).not.toEqual([])
    }
  })
})

describe('the checker', () => {
  const rules: TenancyRules = {
    tables: new Map([
      ['a', 'tenant'],
      ['b', 'tenant'],
      ['free', null],
    ]),
    isParameter: (token) => /^\$\d+$/.test(token),
  }
  it.each([
    ['SELECT 1 FROM a WHERE tenant = $1', 0],
    ['SELECT 1 FROM a', 1],
    ['SELECT 1 FROM a WHERE tenant = $1 OR x = 2', 1],
    ['SELECT 1 FROM a WHERE (tenant = $1 OR x = 2)', 1],
    ['SELECT 1 FROM a WHERE tenant <> $1', 1],
    ["SELECT 1 FROM a WHERE tenant = 'x'", 1],
    ['SELECT 1 FROM a WHERE x IN (SELECT y FROM b WHERE tenant = $1)', 1],
    ['SELECT 1 FROM a WHERE tenant = $1 AND x IN (SELECT y FROM b)', 1],
    ['SELECT 1 FROM (SELECT 1 FROM a WHERE tenant = $1) WHERE x = 1', 0],
    ['SELECT 1 FROM a JOIN b ON b.id = a.id WHERE a.tenant = $1', 1],
    ['SELECT 1 FROM a JOIN b ON b.tenant = a.tenant AND b.id = a.id WHERE a.tenant = $1', 0],
    ['SELECT 1 FROM a AS p, b WHERE p.tenant = $1', 1],
    ['SELECT 1 FROM a JOIN b ON b.tenant = a.tenant', 2],
    ['SELECT 1 FROM a WHERE tenant = $1 UNION ALL SELECT 1 FROM b', 1],
    ['UPDATE a SET x = 1 WHERE id = $1', 1],
    ['UPDATE a SET tenant = $1 WHERE tenant = $2', 0],
    ['DELETE FROM a WHERE tenant = $1', 0],
    ['DELETE FROM a', 1],
    ['INSERT INTO a (x) VALUES ($1)', 1],
    ['INSERT INTO a (tenant, x) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET x = 1', 0],
    ['SELECT 1 FROM free', 0],
    ['SELECT 1 FROM unheard_of WHERE tenant = $1', 1],
    ["SELECT 1 FROM a WHERE x = 'tenant = $1'", 1],
  ])('%s has %i faults', (sql, faults) => {
    expect(tenancyFaults(sql, rules)).toHaveLength(faults)
  })
})
