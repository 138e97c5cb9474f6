// A command while no server runs: the control plane's store is opened under the data directory's lock, used and closed.
import { ensureTenant } from '../api/services/bootstrap.ts'
import { openStore } from '../api/store/open-store.ts'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { createCommandHandler } from './control-plane-commands.ts'
import type { ControlReply, ControlRequest } from './control-socket.ts'
import { lockDataDirectory } from './data-lock.ts'

export const withOfflineStore = async (config: Config, request: ControlRequest): Promise<ControlReply> => {
  try {
    const lock = lockDataDirectory(config.dataDir)
    try {
      const store = await openStore({
        databaseUrl: config.databaseUrl,
        databaseTlsCa: config.databaseTlsCa,
        directory: join(config.dataDir, 'control-plane'),
      })
      try {
        await ensureTenant(store)
        const handle = createCommandHandler({
          store,
          onCredentialsChanged: () => Promise.resolve(),
          readerPassword: () => null,
          deadLetters: null,
          deadLetterReplay: null,
        })
        return { ok: true, result: await handle(request) }
      } finally {
        await store.close()
      }
    } finally {
      lock.release()
    }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : 'failed' }
  }
}
