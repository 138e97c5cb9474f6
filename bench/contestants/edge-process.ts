// Ingest alone, as a process: the product's own ingest thread and event log, with one token and nobody who reads. Configured like the
// product; tokens come in BENCH_TOKEN, one for each tenant, with commas between.
import { hash } from 'node:crypto'
import { loadConfig } from '../../config.ts'
import { startIngestThread } from '../../ingest/ingest-thread.ts'
import { createLogger } from '../../process/logger.ts'
import type { CredentialSnapshot } from '../../streams/contracts/principal.ts'

export interface EdgeReady {
  readonly kind: 'ready'
  readonly url: string
}

const config = loadConfig(process.env)
const tokens = process.env.BENCH_TOKEN!.split(',').map((token, index): CredentialSnapshot['tokens'][number] => [
  hash('sha256', token, 'hex'),
  {
    tenant: index === 0 ? 'default' : `tenant-${index}`,
    userId: 'bench',
    email: '',
    role: 'admin',
    tokenId: `bench-${index}`,
    scopes: ['logs:write'],
    expiresAtMs: null,
  },
])
const thread = await startIngestThread(
  { ...config, log: config },
  {
    credentials: { tokens, heartbeats: [] },
    logger: createLogger('warn'),
    onDeath: (error) => {
      throw error
    },
  },
)
const stop = (): void => {
  void thread.close().then(() => process.exit())
}
process.once('SIGTERM', stop)
process.once('disconnect', stop)
process.send!({ kind: 'ready', url: `http://${thread.addresses.otlp.host}:${thread.addresses.otlp.port}` } satisfies EdgeReady)
