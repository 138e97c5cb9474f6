// Ingest alone, as a process: the product's own ingest thread and event log, with one token and nobody who reads. Configured like the
// product; the token comes in BENCH_TOKEN.
import { hash } from 'node:crypto'
import { loadConfig } from '../../config.ts'
import { startIngestThread } from '../../ingest/ingest-thread.ts'
import { createLogger } from '../../process/logger.ts'

export interface EdgeReady { readonly kind: 'ready'; readonly url: string }

const config = loadConfig(process.env)
const thread = await startIngestThread({ ...config, log: config }, {
  credentials: { tokens: [[hash('sha256', process.env.BENCH_TOKEN!, 'hex'), { tenant: 'default', userId: 'bench', email: '', role: 'admin', tokenId: 'bench', scopes: ['logs:write'], expiresAtMs: null }]], heartbeats: [] },
  logger: createLogger('warn'), onDeath: (error) => { throw error },
})
const stop = (): void => { void thread.close().then(() => process.exit()) }
process.once('SIGTERM', stop)
process.once('disconnect', stop)
process.send!({ kind: 'ready', url: `http://${thread.addresses.otlp.host}:${thread.addresses.otlp.port}` } satisfies EdgeReady)
