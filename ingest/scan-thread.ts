// Thread entry: scans one large JSON body at a time, so that the ingest thread keeps answering meanwhile.
import { parentPort } from 'node:worker_threads'
import { scan } from './scan.ts'
import type { BodyKind } from './scan.ts'

parentPort!.on('message', (job: { readonly body: Uint8Array; readonly kind: BodyKind }) => {
  parentPort!.postMessage(scan(job.body, job.kind))
})
