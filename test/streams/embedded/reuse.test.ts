// A log at its bound writes where what left it was: its file does not grow with what passes through.
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'

const MiB = 1024 * 1024
const BOUND = 16 * MiB
const PASSES = 12

test.each([
  ['small bodies', [11 * 1024]],
  ['bodies of every size', [300, 1024, 11 * 1024, 280 * 1024]],
])(
  'the file stays within twice the bound and a half: %s',
  async (_what, sizes) => {
    const directory = await mkdtemp(join(tmpdir(), 'lapwing-reuse-'))
    const log = await openEmbeddedLog({
      directory,
      partitions: 1,
      sync: 'os',
      maxBytes: BOUND,
      maxAgeMs: 86_400_000,
      groups: ['analytics'],
      minFreeBytes: 0,
    })
    let tail = 0
    let isOver = false
    const member = await log.join('analytics', async (assignment) => {
      while (!isOver) {
        await assignment.commit({ offset: tail, open: [], note: '' })
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })
    const bodies = sizes.map((size) => Buffer.alloc(size, 7))
    const fileBytes = (): number => statSync(join(directory, 'data.mdb')).size
    try {
      for (let bytes = 0, turn = 0; bytes < PASSES * BOUND; turn++) {
        const body = bodies[turn % bodies.length]
        // Four at a time, as small senders come; one that finds the log full comes again when more is consumed.
        const sent = await Promise.allSettled(
          Array.from({ length: 4 }, () => log.append({ partition: 0, envelope: createEnvelope({ receivedAtMs: Date.now() }), body })),
        )
        for (const one of sent) if (one.status === 'fulfilled') tail = Math.max(tail, one.value.offset + 1)
        bytes += sent.filter(({ status }) => status === 'fulfilled').length * body.byteLength
        if (sent.some(({ status }) => status === 'rejected')) await new Promise((resolve) => setTimeout(resolve, 10))
      }
      expect(fileBytes()).toBeLessThan(2.5 * BOUND)
    } finally {
      isOver = true
      await member.close()
      await log.close()
      await rm(directory, { recursive: true, force: true })
    }
  },
  60_000,
)
