// The composition root: configuration → role → parts opened in order, closed in exact reverse on SIGTERM or Ctrl-C.
import { readFileSync } from 'node:fs'
import { loadConfig } from './config.ts'
import { banner } from './process/banner.ts'
import { createLogger } from './process/logger.ts'
import { startProduct } from './process/product.ts'
import { PermanentError, TransientError } from './streams/contracts/errors.ts'

const CLOSE_TIMEOUT_MS = 9500
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string }

const fail = (error: unknown): never => {
  console.error(error instanceof PermanentError || error instanceof TransientError ? error.message : error)
  process.exit(1)
}

const run = async (): Promise<void> => {
  const config = loadConfig(process.env)
  const logger = createLogger(config.logLevel)
  let stopping = false
  const stop = (code: number): void => {
    if (stopping) return
    stopping = true
    logger.info({}, 'stopping')
    setTimeout(() => {
      logger.error({}, 'stopping took too long')
      process.exit(1)
    }, CLOSE_TIMEOUT_MS).unref()
    // What is opening is closed when it is open; a start that fails says so itself.
    starting.then(
      (product) => product.close().then(() => process.exit(code)),
      () => {},
    )
  }
  // Before anything is opened, which is synchronous in part.
  process.on('SIGTERM', () => stop(0))
  process.on('SIGINT', () => stop(0))
  const starting = startProduct(config, {
    version,
    logger,
    onFatal: (error) => {
      logger.error({ error: error.message }, 'a part died, stopping')
      stop(1)
    },
  })
  const product = await starting
  console.log(
    banner({
      role: config.role,
      admin: config.adminListen,
      version,
      addresses: product.addresses,
      token: product.token,
      dataDir: config.dataDir,
      // Since the process was made, its own loading included.
      readyMs: performance.now(),
    }),
  )
}

await run().catch(fail)
