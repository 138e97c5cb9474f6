// The API over a real store, with a ClickHouse and credentials of the test's own making.
import { createApp, type Api } from '../../api/app.ts'
import type { ApiConfig, ApiDeps } from '../../api/ports.ts'
import { sha256 } from '../../api/services/ids.ts'
import type { QueryOptions } from '../../clickhouse/client.ts'
import type { Store } from '../../api/store/store.ts'
import type { Principal } from '../../streams/contracts/principal.ts'
import type { Rca } from '../../streams/contracts/rca.ts'
import type { SignalResolved } from '../../streams/contracts/signals.ts'
import { openMigratedStore } from '../support/migrated-store.ts'

/** A busy machine must not answer for the rules: the deadline itself has tests of its own. */
const HARNESS_DEADLINE_MS = 60_000
export const NOW = Date.UTC(2026, 0, 31, 12)
export const token = (name: string): string => `obs_${name.padEnd(43, 'x')}`
export const bearer = (name: string): Record<string, string> => ({ authorization: `Bearer ${token(name)}` })

const principal = (tenant: string, more: Partial<Principal> = {}): Principal => ({
  tenant,
  userId: `user_${tenant}`,
  email: `${tenant}@example.test`,
  role: 'owner',
  tokenId: `pat_${tenant}`,
  scopes: ['*'],
  expiresAtMs: null,
  ...more,
})
const principals: Readonly<Record<string, Principal>> = {
  root: principal('a', { role: 'super-admin' }),
  owner: principal('a'),
  other: principal('b'),
  viewer: principal('a', { role: 'viewer' }),
  writer: principal('a', { scopes: ['logs:write'] }),
  minter: principal('a', { scopes: ['tokens:write'] }),
  monitors: principal('a', { scopes: ['monitors:*', 'tokens:write'] }),
  responder: principal('a', { scopes: ['incidents:*'] }),
  ending: principal('a', { expiresAtMs: Date.UTC(2099, 0, 1) }),
  expired: principal('a', { expiresAtMs: NOW - 1 }),
  capped: principal('a', { tokenId: 'pat_capped', dailyMutationLimit: 40 }),
  spent: principal('a', { tokenId: 'pat_spent', dailyMutationLimit: 0, dailyLogBytesLimit: 1000 }),
}

/** Tokens belong to members. */
export const addOwner = async (store: Store): Promise<void> => {
  await store.query("INSERT INTO users (id, email) VALUES ('user_a', 'a@example.test') ON CONFLICT DO NOTHING")
  await store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'user_a', 'owner') ON CONFLICT DO NOTHING")
}

export interface Asked {
  readonly name: string
  readonly sql: string
  readonly params: Record<string, unknown>
  readonly options?: QueryOptions
}
export interface Harness {
  readonly app: Api
  readonly store: Store
  readonly asked: Asked[]
  readonly resolved: SignalResolved[]
  answer: (asked: Asked) => unknown[] | Promise<unknown[]>
  nowMs: number
  refreshed: number
  close(): Promise<void>
}

const rca: Rca = {
  correlations: async (_tenant, service) => ({ service_id: service, correlations: [] }),
  analysis: async (incident) => ({
    incidentId: incident.id,
    generatedAt: '',
    verdict: { cause: null, summary: '' },
    causes: [],
    timeline: [],
    similar: [],
    nextChecks: [],
    links: { blast: '', graph: '' },
    window: { from: '', to: '' },
  }),
  blast: async (incident) => ({ incidentId: incident.id, root: '', impacted: [], edges: [] }),
  graph: async (incident) => ({
    incidentId: incident.id,
    cause: null,
    services: [{ service: 'checkout', owner: null, rank: null, score: null, noticed: true, impacted: false }],
    edges: [],
    omitted: 0,
    window: { from: '', to: '' },
  }),
  topology: async () => ({ services: [], edges: [], traces: { examined: 0, found: 0 }, truncated: false }),
  neighbours: async () => [],
}

/** On a store of its own, unless one is given: that is then its opener's to close. */
export const openHarness = async (given?: Store, settings: Partial<ApiConfig> = {}, more: Partial<ApiDeps> = {}): Promise<Harness> => {
  const { store, close } = given === undefined ? await openMigratedStore() : { store: given, close: async () => undefined }
  for (const tenant of ['a', 'b']) await store.query('INSERT INTO tenants (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [tenant])
  const snapshot = { tokens: Object.entries(principals).map(([name, one]) => [sha256(token(name)), one] as const), heartbeats: [] }
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const asked: Asked[] = []
  const resolved: SignalResolved[] = []
  const state: { answer: Harness['answer']; nowMs: number; refreshed: number } = { answer: () => [], nowMs: NOW, refreshed: 0 }
  const app = await createApp(
    {
      listen: { host: '127.0.0.1', port: 0 },
      version: '1.2.3',
      secretKey: 'test key',
      metricsOpen: false,
      otlpBase: () => 'http://127.0.0.1:4318',
      ...settings,
    },
    {
      store,
      rca,
      logger: quiet,
      signals: {
        opened: async () => undefined,
        resolved: async (signal) => {
          resolved.push(signal)
        },
      },
      clock: () => state.nowMs,
      deadlineMs: HARNESS_DEADLINE_MS,
      credentials: () => snapshot,
      onCredentialsChanged: async () => {
        state.refreshed++
      },
      ...more,
      status: async () => ({ status: 'ok' }),
      ready: async () => ({ clickhouse: 'ok' }),
      metrics: async () => 'lapwing_up 1\n',
      clickhouse: {
        query: async <Row>(query: { name: string; sql: string }, params: Record<string, unknown>, options?: QueryOptions) => {
          const one = { name: query.name, sql: query.sql, params, options }
          asked.push(one)
          return (await state.answer(one)) as Row[]
        },
      },
    },
  )
  await app.ready()
  return Object.assign(state, {
    app,
    store,
    asked,
    resolved,
    close: async () => {
      await app.close()
      await close()
    },
  })
}
