// Child process of the full-disk test, run under a file size limit: appends until the store cannot grow, consumes, appends again.
// Prints one JSON line with what happened; an unhandled rejection ends it with an error.
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { withMember } from '../../support/log-member.ts'

const log = withMember(
  await openEmbeddedLog({
    directory: process.argv[2],
    partitions: 2,
    sync: 'fsync',
    maxBytes: 1024 ** 3,
    maxAgeMs: 0,
    groups: ['analytics'],
  }),
)
const append = (n: number): Promise<unknown> =>
  log.append({ partition: 0, envelope: createEnvelope({ receivedAtMs: 1 }), body: Buffer.alloc(60_000, n) })
let accepted = 0
let refusal: unknown = null
while (refusal === null && accepted < 10_000) {
  await append(accepted).then(
    () => {
      accepted += 1
    },
    (error: unknown) => {
      refusal = error
    },
  )
}
const refusedTogether = await Promise.allSettled([append(1), append(2), append(3)])
const read = await log.read({ partition: 0, from: 0, maxBytes: 2 ** 40, maxMessages: 2 ** 30 })
const isWhole = read.length === accepted && read.every(({ offset, body }, n) => offset === n && body[0] === n % 256)
await log.commit('analytics', 0, { offset: accepted, open: [], note: '' })
const freed = await log.trim(Date.now())
for (const note of ['a', 'b']) await log.commit('analytics', 0, { offset: accepted, open: [], note })
let afterwards = 0
for (let n = 0; n < 10; n++)
  await append(n).then(() => {
    afterwards += 1
  })
await log.close()
const { name, code } = refusal as { name: string; code: string }
console.log(
  JSON.stringify({
    accepted,
    name,
    code,
    refused: refusedTogether.filter(({ status }) => status === 'rejected').length,
    whole: isWhole,
    freed,
    afterwards,
  }),
)
