// The commands with servers behind them: those of the process that runs beside them, or, where every part is a server of its own, those
// that the command opens for itself.
import { randomBytes } from 'node:crypto'
import { createDeadLetterReplay } from '../api/services/dead-letter-replay.ts'
import { createDeadLetters } from '../api/services/dead-letters.ts'
import type { Config } from '../config.ts'
import { createClosers } from './closers.ts'
import { createCommandHandler } from './control-plane-commands.ts'
import { callControlSocket, type ControlHandler } from './control-socket.ts'
import type { Logger } from './logger.ts'
import { createPutBack } from './put-back.ts'
import { openServers, type Servers } from './servers.ts'

export interface ServerCommandsDeps {
  readonly onCredentialsChanged: () => Promise<void>
  readonly clock: () => number
}

export const createServerCommands = (
  { store, clickhouse, local, log }: Servers,
  { onCredentialsChanged, clock }: ServerCommandsDeps,
): ControlHandler =>
  createCommandHandler({
    store,
    onCredentialsChanged,
    readerPassword: () => local?.readerPassword ?? null,
    deadLetters: createDeadLetters(clickhouse),
    deadLetterReplay: createDeadLetterReplay({ store, clickhouse, putBack: createPutBack(log), clock }),
  })

const isAllServers = ({ databaseUrl, clickhouseUrl, kafka }: Config): boolean =>
  databaseUrl !== null && clickhouseUrl !== null && kafka !== null

/** `use` is given what answers requests. @throws Error in the server's words, or when none runs and there is nothing to open. */
export const withServerCommands = async (config: Config, logger: Logger, use: (ask: ControlHandler) => Promise<void>): Promise<void> => {
  if (!isAllServers(config)) {
    await use(async (request) => {
      const reply = await callControlSocket(config.dataDir, request)
      if (reply === null) throw new Error('no server runs on this data directory: dead letters are read through it')
      if (!reply.ok) throw new Error(reply.error)
      return reply.result
    })
    return
  }
  const { onClose, close } = createClosers(logger)
  try {
    const servers = await openServers(config, `command-${process.pid}-${randomBytes(4).toString('hex')}`, logger, onClose)
    await use(createServerCommands(servers, { onCredentialsChanged: () => Promise.resolve(), clock: Date.now }))
  } finally {
    await close()
  }
}
