// A real store for each test file, with tenants in it.
import type { Actor } from '../../../api/services/audit.ts'
import type { Store } from '../../../api/store/store.ts'
import { openMigratedStore } from '../../support/migrated-store.ts'

export interface TestStore {
  readonly store: Store
  close(): Promise<void>
}

/** `tenants` exist, each with an owner "user_<tenant>". */
export const openTestStore = async (tenants: readonly string[] = ['acme', 'globex']): Promise<TestStore> => {
  const test = await openMigratedStore()
  for (const tenant of tenants) {
    await test.store.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [tenant])
    await test.store.query('INSERT INTO users (id, email) VALUES ($1, $2)', [`user_${tenant}`, `owner@${tenant}.test`])
    await test.store.query("INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, 'owner')", [tenant, `user_${tenant}`])
  }
  return test
}

export const actorOf = (tenant: string, change: Partial<Actor> = {}): Actor => ({
  userId: `user_${tenant}`,
  tokenId: 'pat_test',
  email: `owner@${tenant}.test`,
  agentId: null,
  conversationId: null,
  ip: '127.0.0.1',
  ua: 'test',
  requestId: 'req_test',
  ...change,
})
