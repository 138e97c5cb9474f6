// The event log that configuration opens.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEventLog } from '../../streams/open-event-log.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { withMember } from '../support/log-member.ts'

test('the embedded log lies in the data directory, has the configured partitions and body limit, and keeps what analytics has not consumed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lapwing-open-'))
  const log = withMember(
    await openEventLog(
      { dataDir, logPartitions: 3, logSync: 'os', logMaxBytes: 1024 ** 3, logMaxAgeMs: 0, maxBodyBytes: 100, kafka: null },
      { warn: () => undefined },
    ),
  )
  try {
    expect(log.partitions).toBe(3)
    await stat(join(dataDir, 'log', 'data.mdb'))
    await expect(log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.alloc(101) })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
    await log.append({ partition: 2, envelope: createEnvelope({ receivedAtMs: 1 }), body: Buffer.alloc(100) })
    expect(await log.trim(Date.now())).toBe(0)
    await log.commit('analytics', 2, { offset: 1, open: [], note: '' })
    expect(await log.trim(Date.now())).toBeGreaterThan(100)
  } finally {
    await log.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})
