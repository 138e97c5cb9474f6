// What detection takes of decoding: series (counts, severities, numbers) and templates of bodies are folded out of the columns that decoding
// has filled anyway. In this process, in memory: each line is a part of what stage G measures whole. The watchdog's rounds are no part of
// it: they cost by series and second, not by record. The last line is no part of ours: what the same bytes cost as objects.
import type { Envelope } from '../../streams/contracts/envelope.ts'
import type { DecodeInput } from '../../analytics/decode-contract.ts'
import { lengthAt, toSource, varintSize } from '../../analytics/decode/bytes.ts'
import { clearColumns, createColumns } from '../../analytics/decode/columns.ts'
import { indexOfText } from '../../analytics/decode/dictionary.ts'
import { createReceipt } from '../../analytics/decode/event-time.ts'
import { toLogsBlock } from '../../analytics/decode/logs-block.ts'
import { createLogsReader } from '../../analytics/decode/protobuf-logs.ts'
import { createPartials } from '../../analytics/series/partials.ts'
import { hashTemplate } from '../../analytics/series/template-hash.ts'
import { createCorpus } from '../load/body.ts'
import { decodeToObjects } from '../peers/otlp-objects.ts'
import type { Result } from '../report/result.ts'

const RECORDS = 1000
const REQUESTS = 30
const DAY_MS = 86_400_000

/** CPU-seconds for a million records of `work`, which does a range each time; code is compiled by then. */
const costOf = (ranges: number, work: () => void): { readonly perMillion: number; readonly seconds: number } => {
  for (let range = 0; range < Math.max(3, ranges / 5); range++) work()
  const [begun, before] = [performance.now(), process.cpuUsage()]
  for (let range = 0; range < ranges; range++) work()
  const { user, system } = process.cpuUsage(before)
  return { perMillion: (user + system) / (ranges * REQUESTS * RECORDS), seconds: (performance.now() - begun) / 1000 }
}

const toInput = (nowMs: number): DecodeInput => {
  const corpus = createCorpus({ records: RECORDS, resources: 8, run: 'detect' })
  const envelope: Envelope = {
    signal: 'otlp_logs',
    format: 'protobuf',
    compression: 'identity',
    tenant: 'default',
    tokenId: '',
    receivedAtMs: nowMs,
    recordCount: RECORDS,
    inflatedBytes: corpus.bytes,
    expandedBytes: 0,
    rejected: [],
    subject: '',
  }
  return {
    logId: 'ab'.repeat(16),
    partition: 0,
    receiveDay: Math.floor(nowMs / DAY_MS),
    maxAheadMs: DAY_MS,
    retentionMs: 30 * DAY_MS,
    messages: Array.from({ length: REQUESTS }, (_, offset) => ({ offset, envelope, body: corpus.body(offset, nowMs + offset * 30) })),
  }
}

export function* runDetection(records: number): Generator<Result> {
  const nowMs = Date.now()
  const input = toInput(nowMs)
  const ranges = Math.max(1, Math.round(records / (RECORDS * REQUESTS)))
  const columns = createColumns()
  const [reader, receipt, partials] = [
    createLogsReader(columns),
    createReceipt(nowMs, input.maxAheadMs, input.retentionMs),
    createPartials(),
  ]
  const decode = (): void => {
    clearColumns(columns, 1)
    for (const { body } of input.messages) reader.read(toSource(body), [], receipt)
    columns.tenant.index.fill(indexOfText(columns.tenant.dictionary, 'default'), 0, columns.rows)
    toLogsBlock(columns, input)
  }
  const hash = { low: 0, high: 0 }
  const templates = (): void => {
    for (let row = 0, at = 0; row < columns.rows; row++) {
      const length = lengthAt(columns.body, at)
      at += varintSize(length)
      hashTemplate(hash, columns.body.buf, at, length)
      at += length
    }
  }
  let [folded, objects] = [0, 0]
  for (const [who, work] of [
    ['Lapwing, decoding without detection', decode],
    [
      'Lapwing, series and templates',
      () => {
        folded = partials.fold(columns, [], input).partials.rows
      },
    ],
    ['Lapwing, of these, hashes of templates', templates],
    [
      'protobufjs, decoding to objects',
      () => {
        objects = input.messages.reduce((sum, { body }) => sum + decodeToObjects(body), 0)
      },
    ],
  ] as const) {
    const { perMillion, seconds } = costOf(ranges, work)
    const done = ranges * REQUESTS * RECORDS
    yield {
      stage: 'D',
      load: `${RECORDS.toLocaleString('en')} records per request, ${REQUESTS} requests per range`,
      contestant: who,
      durability: 'memory',
      records: done,
      seconds,
      recordsPerSecond: done / seconds,
      cpuPerMillion: { pipeline: perMillion },
      peakMiB: {},
      ackMs: null,
      queryableP99Ms: null,
      bytesPerRecord: null,
      isCounted: false,
      faults: [
        ...(columns.rows === REQUESTS * RECORDS ? [] : [`${columns.rows} rows of ${REQUESTS * RECORDS} records`]),
        ...(work === templates || work === decode || folded > 0 ? [] : ['no series']),
        ...(objects === 0 || objects === REQUESTS * RECORDS ? [] : [`${objects} objects of ${REQUESTS * RECORDS} records`]),
      ],
      notes: [],
    }
  }
}
