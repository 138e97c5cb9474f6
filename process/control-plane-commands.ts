// What the commands beside a running server may ask of it: tokens, and the reader's password.
import { createToken, listTokens, revokeToken } from '../api/services/tokens.ts'
import type { Store } from '../api/store/store.ts'
import type { ControlHandler } from './control-socket.ts'

export interface CommandDeps {
  readonly store: Store
  readonly onCredentialsChanged: () => Promise<void>
  readonly readerPassword: () => string | null
}

const OPERATOR = { userId: 'operator', tokenId: null, email: 'operator@localhost', agentId: null, conversationId: null, ip: 'local', ua: 'command line', requestId: 'command' } as const
const TENANT = 'default'

export const createCommandHandler = (deps: CommandDeps): ControlHandler => async (request) => {
  if (request.command === 'token.create') {
    const scopes = Array.isArray(request.scopes) ? request.scopes.map(String) : undefined
    const expiresAt = typeof request.expiresAt === 'string' ? request.expiresAt : undefined
    const [owner] = await deps.store.query<{ user_id: string }>("SELECT user_id FROM memberships WHERE tenant = $1 AND role = 'owner' LIMIT 1", [TENANT])
    const made = await createToken(deps.store, { tenant: TENANT, userId: owner.user_id, name: String(request.name), scopes, expiresAt }, OPERATOR)
    await deps.onCredentialsChanged()
    return made
  }
  if (request.command === 'token.list') return await listTokens(deps.store, TENANT)
  if (request.command === 'token.revoke') {
    await revokeToken(deps.store, TENANT, String(request.id), OPERATOR)
    await deps.onCredentialsChanged()
    return { revoked: request.id }
  }
  if (request.command === 'reader.password') {
    const password = deps.readerPassword()
    if (password === null) throw new Error('this server uses CLICKHOUSE_URL: its users are configured there')
    return { password }
  }
  throw new Error(`unknown command ${request.command}`)
}
