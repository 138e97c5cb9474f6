// Worker thread of the thread test: appends `count` messages, one every few milliseconds, each stamped with the time of its ack.
import { parentPort, workerData } from 'node:worker_threads'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import type { EmbeddedLogConfig } from '../../../streams/embedded/embedded-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'

const { config, count, pauseMs } = workerData as { config: EmbeddedLogConfig; count: number; pauseMs: number }
const log = await openEmbeddedLog(config)
parentPort?.postMessage({ logId: log.logId })
for (let n = 0; n < count; n++) {
  const { offset } = await log.append({
    partition: 0,
    envelope: createEnvelope({ subject: String(n) }),
    body: Buffer.alloc(40_000, n % 251),
  })
  parentPort?.postMessage({ offset, ackedAtMs: Date.now() })
  await new Promise((resolve) => {
    setTimeout(resolve, pauseMs)
  })
}
await log.close()
parentPort?.postMessage({ done: true })
