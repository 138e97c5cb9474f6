// A process that consumes the log of a directory with a decoder that some bodies kill, writes what it would insert into
// files, and ends by itself when everything is committed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startConsumer } from '../../analytics/consumer.ts'
import type { InsertPorts } from '../../analytics/insert-range.ts'
import { createDecodeChild } from '../../analytics/pool/decode-child.ts'
import { createDecodePool } from '../../analytics/pool/pool.ts'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { createSinkControlPlane } from '../analytics/consumer/sink.ts'

const [directory] = process.argv.slice(2)
const worker = new URL('../support/killing-worker.mjs', import.meta.url)
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const log = await openEmbeddedLog({
  directory: join(directory, 'log'),
  partitions: 1,
  sync: 'os',
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 3_600_000,
  groups: ['analytics'],
})
const stored = new Map<string, unknown>()
const clickhouse: InsertPorts = {
  insert: async ({ table, block, token }) => {
    stored.set(`${table} ${token}`, Buffer.from(block as Uint8Array).toString('base64'))
  },
  insertRows: async ({ table, rows }) => {
    stored.set(table, rows)
  },
  command: async () => undefined,
  query: async <Row>({ name }: { name: string }) =>
    ([...stored.keys()].some((key) =>
      key.startsWith(
        { range_present_logs: 'otel_logs ', range_present_partials: 'series_partials ', range_present_templates: 'log_template_counts ' }[
          name
        ] ?? '-',
      ),
    )
      ? [{ present: 1 }]
      : []) as Row[],
}
const pool = createDecodePool({ threads: 1, timeoutMs: 20_000 }, worker)
const child = createDecodeChild({ timeoutMs: 20_000 }, worker)
const consumer = startConsumer(
  { retentionMs: 30 * 86_400_000, lingerMs: 20, retryMinMs: 2, retryMaxMs: 10 },
  { log, pool, child, clickhouse, controlPlane: createSinkControlPlane(), clock: Date.now, logger: silent },
)
await consumer.idle()
writeFileSync(join(directory, 'stored.json'), JSON.stringify([...stored]))
await consumer.close()
await child.close()
await pool.close()
await log.close()
