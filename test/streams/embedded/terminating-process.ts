// Process of the thread test: ends a thread in the middle of its appends. It is a process of its own because lmdb ends the whole process
// when that meets the start of a write (`napi_throw` in a thread that is going down), about once in a hundred times.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openEmbeddedLog } from '../../../streams/embedded/embedded-log.ts'
import type { EmbeddedLogConfig } from '../../../streams/embedded/embedded-log.ts'

const config = JSON.parse(process.argv[2]) as EmbeddedLogConfig
const log = await openEmbeddedLog(config)
const worker = new Worker(join(import.meta.dirname, 'append-thread.ts'), { workerData: { config, count: 1000, pauseMs: 0 } })
let appended = 0
worker.on('message', ({ offset }: { offset?: number }) => {
  if (offset === undefined || ++appended < 5) return
  worker.removeAllListeners('message')
  console.log(offset)
  void worker.terminate().then(() => log.close())
})
