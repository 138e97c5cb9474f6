// `npm run -s token -- create | list | revoke`: through the running server's control socket, or, when none runs, on the
// store itself under the data directory's lock.
import { parseArgs } from 'node:util'
import { callControlSocket, type ControlReply, type ControlRequest } from '../process/control-socket.ts'
import { withOfflineStore } from '../process/offline-store.ts'
import { runCommand } from './command.ts'

const usage = `usage:
  npm run -s token -- create [--name NAME] [--scopes logs:write,logs:read] [--expires 2030-01-01T00:00:00Z] [--tenant ID]
  npm run -s token -- list [--tenant ID]
  npm run -s token -- revoke ID [--tenant ID]`

const toRequest = (argv: readonly string[]): ControlRequest | null => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { name: { type: 'string' }, scopes: { type: 'string' }, expires: { type: 'string' }, tenant: { type: 'string' } },
  })
  const [verb, id] = positionals
  if (verb === 'create')
    return {
      command: 'token.create',
      name: values.name ?? 'command line',
      scopes: values.scopes?.split(','),
      expiresAt: values.expires,
      tenant: values.tenant,
    }
  if (verb === 'list') return { command: 'token.list', tenant: values.tenant }
  if (verb === 'revoke' && id !== undefined) return { command: 'token.revoke', id, tenant: values.tenant }
  return null
}

const print = (request: ControlRequest, result: unknown): void => {
  if (request.command === 'token.create') {
    const made = result as { id: string; token: string }
    console.log(made.token)
    console.error(`id ${made.id}; the token is shown this once`)
  } else if (request.command === 'token.list') {
    for (const token of result as {
      id: string
      prefix: string
      name: string
      scopes: string[]
      createdAt: string
      expiresAt: string | null
      lastUsedAt: string | null
    }[]) {
      console.log(
        [
          token.id,
          `${token.prefix}…`,
          token.name,
          token.scopes.join(','),
          `created ${token.createdAt}`,
          token.lastUsedAt === null ? 'never used' : `used ${token.lastUsedAt}`,
          token.expiresAt === null ? 'never expires' : `expires ${token.expiresAt}`,
        ].join('\t'),
      )
    }
  } else {
    console.log('revoked')
  }
}

process.exitCode = await runCommand({
  usage,
  toRequest,
  carryOut: async (config, request) => {
    const reply: ControlReply = (await callControlSocket(config.dataDir, request)) ?? (await withOfflineStore(config, request))
    if (!reply.ok) throw new Error(reply.error)
    print(request, reply.result)
  },
})
