// Thread entry: scans or cuts one large JSON body at a time, so that the ingest thread keeps answering meanwhile.
import { parentPort } from 'node:worker_threads'
import { scan, splitBody } from './scan.ts'
import type { BodyKind, SplitRequest } from './scan.ts'

parentPort!.on(
  'message',
  ({ body, kind, split }: { readonly body: Uint8Array; readonly kind: BodyKind; readonly split: SplitRequest | null }) => {
    parentPort!.postMessage(split === null ? scan(body, kind) : splitBody(body, kind, split))
  },
)
