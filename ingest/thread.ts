// Thread entry of ingest: its own instance of the event log, the listeners, and a message port for the main thread.
import { parentPort } from 'node:worker_threads'
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'
import { openEventLog } from '../streams/open-event-log.ts'
import { startIngest } from './ingest.ts'
import type { Log } from './intake.ts'
import type { FromThread, IngestThreadData, ToThread } from './thread-protocol.ts'

const TELL_TOKEN_USES_EVERY_MS = 30_000
/** Counted is written within a second. */
const TELL_LOG_BYTES_EVERY_MS = 250
/** Unless the last report is still without its answer. */
const TELL_RATES_EVERY_MS = 200
const port = parentPort!
const tell = (message: FromThread): void => {
  port.postMessage(message)
}
const logAt =
  (level: 'info' | 'warn' | 'error') =>
  (fields: object, message: string): void => {
    tell({ kind: 'log', level, fields, message })
  }
const logger: Log = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') }

const run = async ({ config, credentials, logBytes }: IngestThreadData): Promise<void> => {
  const log = await openEventLog(config.log, logger)
  const ingest = await startIngest(config, {
    log,
    logger,
    ...(config.acceptJwt
      ? {
          askJwt: (token, hash) => {
            tell({ kind: 'ask_jwt', token, hash })
          },
        }
      : {}),
  }).catch(async (error: unknown) => {
    await log.close()
    throw error
  })
  ingest.updateCredentials(credentials)
  ingest.learnLogBytes(logBytes)
  const tellTokenUses = (): void => {
    const uses = ingest.takeTokenUses()
    if (uses.length > 0) tell({ kind: 'token_uses', uses })
  }
  const tellLogBytes = (): void => {
    const uses = ingest.takeLogBytes()
    if (uses !== null) tell({ kind: 'log_bytes', uses })
  }
  // One report at a time: what others did is what happened between two of them.
  let isReporting = false
  const tellRates = (): void => {
    const uses = isReporting ? null : ingest.rates.takeReport(Date.now())
    if (uses === null) return
    isReporting = true
    tell({ kind: 'rates', uses })
  }
  const tellingRates = setInterval(tellRates, TELL_RATES_EVERY_MS)
  const tellingLogBytes = setInterval(tellLogBytes, TELL_LOG_BYTES_EVERY_MS)
  const telling = setInterval(tellTokenUses, TELL_TOKEN_USES_EVERY_MS)
  port.on('message', async (message: ToThread) => {
    switch (message.kind) {
      case 'credentials':
        if (message.snapshot === null) ingest.suspendCredentials()
        else ingest.updateCredentials(message.snapshot)
        tell({ kind: 'done', id: message.id, stats: null })
        break
      case 'jwt':
        ingest.learnJwt(message.hash, message.found)
        break
      case 'log_bytes':
        ingest.learnLogBytes(message.totals)
        break
      case 'rates':
        isReporting = false
        ingest.rates.learn(message.others, Date.now())
        break
      case 'stats':
        tell({ kind: 'done', id: message.id, stats: ingest.stats() })
        break
      case 'close':
        await ingest.close()
        clearInterval(telling)
        clearInterval(tellingLogBytes)
        clearInterval(tellingRates)
        tellTokenUses()
        tellLogBytes()
        await log.close()
        tell({ kind: 'done', id: message.id, stats: null })
        port.close()
        break
    }
  })
  tell({ kind: 'listening', addresses: ingest.addresses })
}

// What to do comes first; nothing else is sent before it listens.
port.once('message', (data: IngestThreadData | null) => {
  if (data === null) return port.close()
  run(data).catch((error: unknown) => {
    const known = error instanceof PermanentError || error instanceof TransientError
    tell({ kind: 'failed', code: known ? error.code : null, message: error instanceof Error ? error.message : String(error) })
    port.close()
  })
})
