// Credentials in a process: a change that another made holds within a second, told or not; without the store they stay in force for a while.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createToken, revokeToken } from '../../api/services/tokens.ts'
import { sha256 } from '../../api/services/ids.ts'
import type { Store } from '../../api/store/store.ts'
import { until } from '../../bench/load/product.ts'
import { openLiveCredentials, type LiveCredentials, type LiveCredentialsConfig } from '../../process/live-credentials.ts'
import type { CredentialSnapshot } from '../../streams/contracts/principal.ts'
import { addOwner } from '../api/harness.ts'
import { openMigratedStore } from '../support/migrated-store.ts'

const actor = {
  userId: 'user_a',
  tokenId: null,
  email: 'a@example.test',
  agentId: null,
  conversationId: null,
  ip: 'local',
  ua: 'test',
  requestId: 'test',
}
let opened: { readonly store: Store; close(): Promise<void> }
let store: Store
let isAway = false
const opens: LiveCredentials[] = []
beforeAll(async () => {
  opened = await openMigratedStore()
  // Told of nothing: only looking helps.
  store = {
    ...opened.store,
    listen: undefined,
    query: (...args) => (isAway ? Promise.reject(new Error('away')) : opened.store.query(...args)),
  }
  await store.query("INSERT INTO tenants (id, name) VALUES ('a', 'a')")
  await addOwner(store)
})
afterAll(async () => {
  for (const one of opens) await one.close()
  await opened.close()
})

const open = async (
  config: Partial<LiveCredentialsConfig> = {},
  more: Partial<Store> = {},
): Promise<{ live: LiveCredentials; told: (CredentialSnapshot | null)[] }> => {
  const told: (CredentialSnapshot | null)[] = []
  const live = await openLiveCredentials(
    { isShared: true, lookEveryMs: 20, ...config },
    {
      store: { ...store, ...more },
      onChange: async (snapshot) => {
        told.push(snapshot)
      },
      onError: () => undefined,
    },
  )
  opens.push(live)
  return { live, told }
}
const make = () => createToken(store, { tenant: 'a', userId: 'user_a', name: 'n' }, actor)
const knows = (live: LiveCredentials, token: string): boolean => live.current().tokens.some(([hash]) => hash === sha256(token))

it('what another process made, revoked or took a role from holds at the next look', async () => {
  const { live } = await open()
  const { id, token } = await make()
  await until('it is known', 2000, () => knows(live, token), 5)
  await revokeToken(store, 'a', id, actor)
  await until('it is not known any more', 2000, () => !knows(live, token), 5)
  const { token: second } = await make()
  await until('the second is known', 2000, () => knows(live, second), 5)
  await store.query("UPDATE memberships SET removed_at = now() WHERE tenant = 'a' AND user_id = 'user_a'")
  await until('its member is gone, and with him the token', 2000, () => !knows(live, second), 5)
  await store.query("UPDATE memberships SET removed_at = NULL WHERE tenant = 'a' AND user_id = 'user_a'")
})

it('looking costs one small query as long as nothing changed', async () => {
  const asked: string[] = []
  const { told } = await open(
    {},
    {
      query: (sql, params) => {
        asked.push(sql)
        return store.query(sql, params)
      },
    },
  )
  asked.length = 0
  await until('some looks', 2000, () => asked.length >= 5, 5)
  expect(new Set(asked)).toEqual(new Set(['SELECT version FROM credential_version']))
  expect(told).toEqual([])
})

it('a use of a token and a hit of a heartbeat are no change', async () => {
  const version = async () => (await store.query<{ version: number }>('SELECT version FROM credential_version'))[0].version
  const { id } = await make()
  const before = await version()
  await store.query('UPDATE tokens SET last_used_at = now() WHERE tenant = $1 AND id = $2', ['a', id])
  expect(await version()).toBe(before)
})

it('who is told does not wait for the next look', async () => {
  let tell = (): void => undefined
  const { live } = await open(
    { lookEveryMs: 60_000 },
    {
      listen: (_channel, onNotified) => {
        tell = onNotified
        return { close: async () => undefined }
      },
    },
  )
  const { token } = await make()
  expect(knows(live, token)).toBe(false)
  tell()
  await until('it is known', 2000, () => knows(live, token), 5)
})

it('without the store they stay in force for a while, then nobody can say; the first answer cures it', async () => {
  const { live, told } = await open({ trustMs: 300 })
  const { token } = await make()
  await until('it is known', 2000, () => knows(live, token), 5)
  told.length = 0
  isAway = true
  await until('they are stale', 3000, () => live.isStale(), 5)
  expect([told, knows(live, token)]).toEqual([[null], true])
  isAway = false
  await until('they are in force again', 3000, () => !live.isStale(), 5)
  expect(told.at(-1)).not.toBeNull()
})
