// Entries of a range → the Native block of series_partials: every column, in the table's order. log.* metrics are counts of
// records (each an observation of 1); those without any are left out. Rows of logs come before those of spans.
import { templateMetric } from '../../streams/contracts/metric-value.ts'
import type { DecodeInput } from '../decode-contract.ts'
import { createDictionary, clearDictionary, indexOfText } from '../decode/dictionary.ts'
import type { Dictionary } from '../decode/dictionary.ts'
import { constantText } from '../decode/logs-block.ts'
import { createBlock } from '../decode/native-block.ts'
import type { Entry, Measured } from './partials.ts'
import type { Templates } from './template-set.ts'

const COLUMNS = 15
/** One row, in any order of its metrics. */
export interface PartialRow {
  readonly tenant: string
  readonly service: string
  readonly bucket: number
  readonly metrics: readonly (readonly [name: string, Measured])[]
}

export const countOf = (count: number): Measured => ({ count, sum: count, min: 1, max: 1, sumSq: count })

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/** Of warnings and errors, the most frequent templates: their rates are series. */
export const MAX_LOUD = 20
const loudOf = ({ loud }: Entry, halves: Uint32Array): [name: string, Measured][] =>
  [...loud]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, MAX_LOUD)
    .map(([template, count]) => [templateMetric((BigInt(halves[2 * template + 1]) << 32n) | BigInt(halves[2 * template])), countOf(count)])

const metricsOf = (entry: Entry, halves: Uint32Array, attributeName: (key: number) => string): [name: string, Measured][] => [
  ['log.rate', countOf(entry.count)],
  ...(entry.errors > 0 ? [['log.error_rate', countOf(entry.errors)] as [string, Measured]] : []),
  ...entry.severities.flatMap((count, i) => (count > 0 ? [[`log.severity.${LEVELS[i]}`, countOf(count)] as [string, Measured]] : [])),
  ...loudOf(entry, halves),
  ...[...entry.measured].map(([key, measured]) => [`attr.${attributeName(key)}`, measured] as [string, Measured]),
]

const newDictionary = (): Dictionary => {
  const dictionary = createDictionary()
  clearDictionary(dictionary, 0)
  return dictionary
}

/** Of logs, and beside them of spans. */
export interface Folded {
  readonly entries: readonly Entry[]
  readonly templates: Templates
  readonly attributeName: (key: number) => string
  readonly served: readonly PartialRow[]
}

export const toPartialsBlock = ({ entries, templates, attributeName, served }: Folded, input: DecodeInput): Uint8Array => {
  const all = [...entries.map((entry) => metricsOf(entry, templates.halves(), attributeName)), ...served.map((row) => row.metrics)]
  const keys: readonly Pick<PartialRow, 'tenant' | 'service' | 'bucket'>[] = [...entries, ...served]
  const rows = keys.length
  const metrics = newDictionary()
  const flat = all.flat()
  let total = 0
  const ends = Uint32Array.from(all, (list) => (total += list.length))
  const values = (pick: (measured: Measured) => number): Float64Array => Float64Array.from(flat, ([, measured]) => pick(measured))
  const block = createBlock(COLUMNS, rows)
  texts(
    block,
    'tenant',
    keys.map((key) => key.tenant),
  )
  texts(
    block,
    'service',
    keys.map((key) => key.service),
  )
  block.numbers(
    'bucket',
    'DateTime',
    Uint32Array.from(keys, (key) => key.bucket * 10),
  )
  block.textArrays(
    'metric',
    ends,
    metrics,
    Uint32Array.from(flat, ([name]) => indexOfText(metrics, name)),
  )
  block.numberArrays(
    'count',
    'UInt64',
    ends,
    BigUint64Array.from(flat, ([, measured]) => BigInt(measured.count)),
  )
  block.numberArrays(
    'sum',
    'Float64',
    ends,
    values((measured) => measured.sum),
  )
  block.numberArrays(
    'min',
    'Float64',
    ends,
    values((measured) => measured.min),
  )
  block.numberArrays(
    'max',
    'Float64',
    ends,
    values((measured) => measured.max),
  )
  block.numberArrays(
    'sum_sq',
    'Float64',
    ends,
    values((measured) => measured.sumSq),
  )
  putTemplates(block, entries, rows, templates.halves())
  positionColumns(block, input, rows)
  return block.finish()
}

/** Where rows of a range come from: its receive day, and from which offset to which. */
export const positionColumns = (block: ReturnType<typeof createBlock>, input: DecodeInput, rows: number): void => {
  block.numbers('receive_day', 'Date', new Uint16Array(rows).fill(input.receiveDay))
  constantText(block, 'log_id', input.logId, rows)
  block.numbers('log_partition', 'UInt16', new Uint16Array(rows).fill(input.partition))
  block.numbers('log_offset', 'UInt64', new BigUint64Array(rows).fill(BigInt(input.messages[0].offset)))
  block.numbers('last_offset', 'UInt64', new BigUint64Array(rows).fill(BigInt(input.messages[input.messages.length - 1].offset)))
}

/** A LowCardinality column. */
export const texts = (block: ReturnType<typeof createBlock>, name: string, values: readonly string[]): void => {
  const dictionary = newDictionary()
  block.lowCardinality(
    name,
    dictionary,
    Uint32Array.from(values, (value) => indexOfText(dictionary, value)),
  )
}

/** Hashes as 64-bit numbers; 0 = there were more. */
const putTemplates = (block: ReturnType<typeof createBlock>, entries: readonly Entry[], rows: number, halves: Uint32Array): void => {
  let total = 0
  const ends = new Uint32Array(rows)
  entries.forEach((entry, row) => {
    ends[row] = total += entry.templates.length + (entry.hasOtherTemplates ? 1 : 0)
  })
  ends.fill(total, entries.length)
  const out = new Uint32Array(2 * total)
  let at = 0
  for (const entry of entries) {
    for (const template of entry.templates) {
      out[at++] = halves[2 * template]
      out[at++] = halves[2 * template + 1]
    }
    if (entry.hasOtherTemplates) at += 2
  }
  block.numberArrays('templates', 'UInt64', ends, out)
}
