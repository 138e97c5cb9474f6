// Child process of the kill test: appends without end, 16 at a time, and prints "partition offset id" for each acknowledged one.
import { writeSync } from 'node:fs'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'

const [directory, round] = process.argv.slice(2)
const log = await openEmbeddedLog({
  directory,
  partitions: 2,
  sync: 'fsync',
  maxBytes: 1024 ** 3,
  maxAgeMs: 3_600_000,
  groups: ['analytics'],
})
let next = 0

const appendForEver = async (): Promise<never> => {
  for (;;) {
    const id = `${round}-${next++}`
    const body = Buffer.alloc(200 + (next % 50) * 1000, `${id} `)
    const { partition, offset } = await log.append({ partition: next % 2, envelope: createEnvelope({ subject: id }), body })
    writeSync(1, `${partition} ${offset} ${id}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, appendForEver))
