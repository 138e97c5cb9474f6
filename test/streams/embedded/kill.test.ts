// kill -9 at any moment: what was acknowledged is there once, in order, whole; the log opens and goes on.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { withMember } from '../../support/log-member.ts'

const child = join(import.meta.dirname, 'append-child.ts')

/** Runs the child until `acks` lines have come, then kills it at once. Complete lines only. */
const appendUntilKilled = (directory: string, round: number, acks: number): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const appender = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, directory, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    appender.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.split('\n').length > acks) appender.kill('SIGKILL')
    })
    appender.on('error', reject)
    appender.on('close', () => resolve(output.split('\n').slice(0, -1)))
  })

test('after kill -9 every acknowledged message is there once, at its offset, whole, and appends go on behind the last one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lapwing-kill-'))
  try {
    const acked: string[] = []
    for (const [round, acks] of [5, 150, 400].entries()) {
      acked.push(...(await appendUntilKilled(directory, round, acks)))
      const log = withMember(
        await openEmbeddedLog({ directory, partitions: 2, sync: 'fsync', maxBytes: 1024 ** 3, maxAgeMs: 3_600_000, groups: ['analytics'] }),
      )
      const found: string[] = []
      for (const partition of [0, 1]) {
        const messages = await log.read({ partition, from: 0, maxBytes: 2 ** 40, maxMessages: 1_000_000 })
        expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_, n) => n))
        for (const { offset, envelope, body } of messages) {
          found.push(`${partition} ${offset} ${envelope.subject}`)
          expect(Buffer.compare(body, Buffer.alloc(body.length, `${envelope.subject} `))).toBe(0)
        }
        expect(
          (await log.append({ partition, envelope: createEnvelope({ subject: `after-${round}` }), body: Buffer.from(`after-${round} `) }))
            .offset,
        ).toBe(messages.length)
      }
      const ids = found.map((line) => line.split(' ')[2]).filter((id) => !id.startsWith('after-'))
      expect(new Set(ids).size).toBe(ids.length)
      const missing = acked.filter((line) => !found.includes(line))
      expect(missing).toEqual([])
      await log.close()
    }
    expect(acked.length).toBeGreaterThan(500)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}, 60_000)
