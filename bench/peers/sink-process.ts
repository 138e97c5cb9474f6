// Takes OTLP over HTTP and counts: records in all, and of each attempt how many and how many different. It keeps nothing else.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAttemptCounter } from './attempt-counter.ts'
import type { StoredAttempt } from '../measure/counts.ts'

export type FromSink =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'count'; readonly records: number }
  | { readonly kind: 'attempts'; readonly attempts: readonly StoredAttempt[] }
export type ToSink = { readonly ask: 'count' } | { readonly ask: 'attempts'; readonly run: string }

const counter = createAttemptCounter()
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    counter.add(Buffer.concat(chunks))
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
})
const tell = (message: FromSink): void => {
  process.send!(message)
}
server.listen(0, '127.0.0.1', () => tell({ kind: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.on('message', (message: ToSink) => {
  if (message.ask === 'count') tell({ kind: 'count', records: counter.records() })
  else tell({ kind: 'attempts', attempts: counter.attempts(message.run) })
})
process.once('disconnect', () => process.exit())
