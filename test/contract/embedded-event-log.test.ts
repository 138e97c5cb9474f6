// The embedded log against the contract.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { describeEventLog } from './event-log-contract.ts'

for (const sync of ['fsync', 'os'] as const) {
  describeEventLog(`embedded, ${sync}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lapwing-log-'))
    return {
      open: () =>
        openEmbeddedLog({ directory, partitions: 2, sync, maxBytes: 256 * 1024 * 1024, maxAgeMs: 3_600_000, groups: ['analytics'] }),
      remove: () => rm(directory, { recursive: true, force: true }),
    }
  })
}
