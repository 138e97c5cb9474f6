// Counts of templates → the Native block of log_template_counts: every column, in the table's order.
import type { DecodeInput } from '../decode-contract.ts'
import { createBlock } from '../decode/native-block.ts'
import { positionColumns, texts } from './partials-block.ts'

export interface CountGroup {
  readonly tenant: string
  readonly service: string
  /** Since 1970. */ readonly minute: number
}
export interface CountRow extends CountGroup {
  readonly severity: number
  /** Its number in the range. */ readonly template: number
  readonly records: number
}

const COLUMNS = 11

/** @param halves hashes of the templates, by number, in two half-words each. */
export const toCountsBlock = (rows: readonly CountRow[], halves: Uint32Array, input: DecodeInput): Uint8Array => {
  const block = createBlock(COLUMNS, rows.length)
  const hashes = new Uint32Array(2 * rows.length)
  rows.forEach(({ template }, i) => {
    hashes[2 * i] = halves[2 * template]
    hashes[2 * i + 1] = halves[2 * template + 1]
  })
  texts(
    block,
    'tenant',
    rows.map((row) => row.tenant),
  )
  texts(
    block,
    'service',
    rows.map((row) => row.service),
  )
  block.numbers(
    'severity',
    'UInt8',
    Uint8Array.from(rows, (row) => row.severity),
  )
  block.numbers('template', 'UInt64', hashes)
  block.numbers(
    'minute',
    'DateTime',
    Uint32Array.from(rows, (row) => row.minute * 60),
  )
  block.numbers(
    'records',
    'UInt32',
    Uint32Array.from(rows, (row) => row.records),
  )
  positionColumns(block, input, rows.length)
  return block.finish()
}
