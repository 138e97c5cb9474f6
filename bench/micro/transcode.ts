// Question: how much CPU does one million records take from wire bytes to ready Native blocks, partials included?
// Corpus: 1,000 records of about 343 bytes over 8 resources per request, 50 requests per range. Asserts that no record is lost.
// Run: node bench/micro/transcode.ts [ranges]
import { createDecoder } from '../../analytics/decode/decode.ts'
import type { DecodeInput } from '../../analytics/decode-contract.ts'
import type { Envelope } from '../../streams/contracts/envelope.ts'
import { createCorpus } from '../load/body.ts'

const REQUESTS = 50
const ranges = Number(process.argv[2] ?? 20)
const nowMs = Date.now()
const corpus = createCorpus({ records: 1000, resources: 8, run: 'micro' })
const envelope: Envelope = {
  signal: 'otlp_logs',
  format: 'protobuf',
  compression: 'identity',
  tenant: 'default',
  tokenId: '',
  receivedAtMs: nowMs,
  recordCount: 1000,
  inflatedBytes: corpus.bytes,
  expandedBytes: 0,
  rejected: [],
  subject: '',
}
const input: DecodeInput = {
  logId: 'ab'.repeat(16),
  partition: 0,
  receiveDay: Math.floor(nowMs / 86_400_000),
  maxAheadMs: 86_400_000,
  retentionMs: 30 * 86_400_000,
  messages: Array.from({ length: REQUESTS }, (_, i) => ({ offset: i, envelope, body: corpus.body(i, nowMs + i * 100) })),
}
const decode = createDecoder()
const run = (count: number): number => {
  let rows = 0
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    const output = decode(input)
    if (output.poison.length > 0) throw new Error(output.poison[0].reason)
    rows += output.logRows
  }
  const { user, system } = process.cpuUsage(before)
  if (rows !== count * REQUESTS * corpus.records) throw new Error(`${rows} rows of ${count * REQUESTS * corpus.records}`)
  return (user + system) / rows
}
run(5)
const best = Math.min(...Array.from({ length: 5 }, () => run(Math.max(1, Math.round(ranges / 5)))))
console.log(
  JSON.stringify({
    bench: 'transcode',
    recordBytes: Math.round(corpus.bytes / corpus.records),
    cpuSecondsPerMillion: Number(best.toFixed(3)),
  }),
)
