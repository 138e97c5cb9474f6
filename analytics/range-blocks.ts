// The tables that a range's rows go to, in the order in which they are sent.
import type { DecodeOutput } from './decode-contract.ts'

export type BlockTable = 'otel_logs' | 'otel_spans' | 'series_partials'
/** All that are written under the token of a range. */
export type RangeTable = BlockTable | 'log_template_counts'

/** Rows first: what is in a series can be found in the rows, also when the store takes one and not the other. */
export const blocksOf = ({
  logs,
  spans,
  partials,
}: Pick<DecodeOutput, 'logs' | 'spans' | 'partials'>): (readonly [BlockTable, Uint8Array])[] =>
  (
    [
      ['otel_logs', logs],
      ['otel_spans', spans],
      ['series_partials', partials],
    ] as const
  ).flatMap(([table, block]) => (block === null ? [] : [[table, block] as const]))
