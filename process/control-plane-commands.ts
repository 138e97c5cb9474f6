// What the commands beside a running server may ask of it: tokens, the reader's password, and what was set aside.
import type { DeadLetterPosition } from '../clickhouse/queries/dead-letters.ts'
import type { DeadLetterReplay } from '../api/services/dead-letter-replay.ts'
import type { DeadLetter, DeadLetters } from '../api/services/dead-letters.ts'
import { createToken, listTokens, revokeToken } from '../api/services/tokens.ts'
import type { Store } from '../api/store/store.ts'
import type { ControlHandler, ControlRequest } from './control-socket.ts'

export interface CommandDeps {
  readonly store: Store
  readonly onCredentialsChanged: () => Promise<void>
  readonly readerPassword: () => string | null
  /** Null while no server runs: they are in ClickHouse. */
  readonly deadLetters: DeadLetters | null
  readonly deadLetterReplay: DeadLetterReplay | null
}

const OPERATOR = {
  userId: 'operator',
  tokenId: null,
  email: 'operator@localhost',
  agentId: null,
  conversationId: null,
  ip: 'local',
  ua: 'command line',
  requestId: 'command',
} as const
const TENANT = 'default'
const DEAD_LETTERS_AT_ONCE = 500

/** As listed beside the server: with when it was put back. */
export interface ListedDeadLetter extends DeadLetter {
  readonly replayedAt: string | null
}
export interface ListedDeadLetterPage {
  readonly deadLetters: readonly ListedDeadLetter[]
  readonly next: DeadLetterPosition | null
}

const ofDeadLetters = async (
  { deadLetters, deadLetterReplay: replay }: CommandDeps,
  tenant: string,
  request: ControlRequest,
): Promise<unknown> => {
  if (deadLetters === null || replay === null) throw new Error('dead letters are read through a running server: start it first')
  if (request.command === 'dead-letters.list') {
    const filter = {
      tenant,
      fromMs: Number(request.fromMs),
      toMs: Number(request.toMs),
      reason: typeof request.reason === 'string' ? request.reason : '',
    }
    const page = await deadLetters.list(filter, DEAD_LETTERS_AT_ONCE, request.after as DeadLetterPosition | null)
    const replayedAt = await replay.replayedAt(
      tenant,
      page.deadLetters.map(({ id }) => id),
    )
    return {
      ...page,
      deadLetters: page.deadLetters.map((one) => ({ ...one, replayedAt: replayedAt.get(one.id) ?? null })),
    } satisfies ListedDeadLetterPage
  }
  if (request.command === 'dead-letters.replay')
    return await replay.replay({ tenant, id: String(request.id), again: request.again === true, dryRun: request.dryRun === true }, OPERATOR)
  if (request.command !== 'dead-letters.show') throw new Error(`unknown command ${request.command}`)
  const found = await deadLetters.get(tenant, String(request.id))
  if (found === null) throw new Error(`the tenant ${tenant} has no dead letter ${String(request.id)}`)
  return found
}

export const createCommandHandler =
  (deps: CommandDeps): ControlHandler =>
  async (request) => {
    const tenant = typeof request.tenant === 'string' ? request.tenant : TENANT
    if (request.command === 'token.create') {
      const scopes = Array.isArray(request.scopes) ? request.scopes.map(String) : undefined
      const expiresAt = typeof request.expiresAt === 'string' ? request.expiresAt : undefined
      const [owner] = await deps.store.query<{ user_id: string }>(
        "SELECT user_id FROM memberships WHERE tenant = $1 AND role IN ('owner', 'super-admin') AND removed_at IS NULL ORDER BY created_at LIMIT 1",
        [tenant],
      )
      if (owner === undefined) throw new Error(`there is no tenant ${tenant}, or it has no owner`)
      const made = await createToken(deps.store, { tenant, userId: owner.user_id, name: String(request.name), scopes, expiresAt }, OPERATOR)
      await deps.onCredentialsChanged()
      return made
    }
    if (request.command === 'token.list') return await listTokens(deps.store, tenant)
    if (request.command === 'token.revoke') {
      await revokeToken(deps.store, tenant, String(request.id), OPERATOR)
      await deps.onCredentialsChanged()
      return { revoked: request.id }
    }
    if (request.command === 'reader.password') {
      const password = deps.readerPassword()
      if (password === null) throw new Error('this server uses CLICKHOUSE_URL: its users are configured there')
      return { password }
    }
    if (request.command.startsWith('dead-letters.')) return await ofDeadLetters(deps, tenant, request)
    throw new Error(`unknown command ${request.command}`)
  }
