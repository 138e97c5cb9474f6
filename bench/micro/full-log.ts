// Question: what does an append cost in a log that is at its bound, where each has to make room, against one that is still filling?
//   node bench/micro/full-log.ts [--mib 256] [--kib 11] [--seconds 20] [--connections 4] [--sync fsync]
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openEmbeddedLog } from '../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../test/support/envelopes.ts'
import { latenciesOf } from '../measure/statistics.ts'

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '256' },
    kib: { type: 'string', default: '11' },
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '4' },
    sync: { type: 'string', default: 'fsync' },
  },
})
const MiB = 1024 * 1024
const TELL_EVERY_MS = 4000
const directory = mkdtempSync(join(tmpdir(), 'lapwing-full-log-'))
const log = await openEmbeddedLog({
  directory,
  partitions: 1,
  sync: values.sync === 'os' ? 'os' : 'fsync',
  maxBytes: Number(values.mib) * MiB,
  maxAgeMs: 86_400_000,
  groups: ['analytics'],
})
const endsAt = performance.now() + Number(values.seconds) * 1000
const isOver = (): boolean => performance.now() >= endsAt
let tail = 0
const member = await log.join('analytics', async (assignment) => {
  while (!isOver()) {
    await assignment.commit({ offset: tail, open: [], note: '' })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})
const body = Buffer.alloc(Number(values.kib) * 1024, 7)
let latencies: number[] = []
let written = 0
let toldAt = performance.now()
const tell = (): void => {
  const seconds = (performance.now() - toldAt) / 1000
  const { p50, p99 } = latenciesOf(latencies)
  const mib = (bytes: number): string => (bytes / MiB).toFixed(0)
  console.log(
    `${(latencies.length / seconds).toFixed(0)} appends/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; written ${mib(written)} MiB, file ${mib(statSync(join(directory, 'data.mdb')).size)} MiB`,
  )
  latencies = []
  toldAt = performance.now()
}
const append = async (): Promise<void> => {
  const begun = performance.now()
  const { offset } = await log.append({ partition: 0, envelope: createEnvelope({ receivedAtMs: Date.now() }), body })
  latencies.push(performance.now() - begun)
  tail = Math.max(tail, offset + 1)
  written += body.byteLength
}
await Promise.all(
  Array.from({ length: Number(values.connections) }, async () => {
    while (!isOver()) {
      await append()
      if (performance.now() - toldAt > TELL_EVERY_MS) tell()
    }
  }),
)
tell()
await member.close()
await log.close()
rmSync(directory, { recursive: true, force: true })
