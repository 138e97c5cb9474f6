// Results as Markdown. Every table names the durability class of what is in it, and what could not be measured stands below.
import type { ComparedRow } from './compare.ts'
import { STAGES, type Result, type Stage } from './result.ts'

const PARTS = ['pipeline', 'broker', 'clickhouse', 'sink', 'generator'] as const
const number = (value: number, digits: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits })
const cost = (value: number | undefined): string => (value === undefined ? '–' : number(value, value < 10 ? 2 : 1))
const milliseconds = (value: number | null): string => (value === null ? '–' : number(value, value < 10 ? 1 : 0))
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

export const verdictOf = ({ faults, records, isCounted }: Pick<Result, 'faults' | 'records' | 'isCounted'>): string => {
  if (faults.length > 0) return `**FAILED: ${faults.join('; ')}**`
  return `${number(records, 0)}${isCounted ? ', none lost, doubled or altered' : ' answered, nothing to count'}`
}

const rowOf = (parts: readonly string[], one: Result): string[] => [
  one.contestant,
  one.load,
  one.durability,
  ...parts.map((part) => cost(one.cpuPerMillion[part])),
  number(one.recordsPerSecond, 0),
  one.ackMs === null ? '–' : [one.ackMs.p50, one.ackMs.p99, one.ackMs.p999].map(milliseconds).join(' / '),
  milliseconds(one.queryableP99Ms),
  Object.values(one.peakMiB)
    .map((value) => number(value, 0))
    .join(' / '),
  one.bytesPerRecord === null ? '–' : number(one.bytesPerRecord, 0),
  verdictOf(one),
]

/** One table for each stage, with a column for each part that somebody has. */
export const renderResults = (results: readonly Result[]): string =>
  (Object.keys(STAGES) as Stage[])
    .flatMap((stage) => {
      const own = results.filter((result) => result.stage === stage)
      if (own.length === 0) return []
      const parts = PARTS.filter((part) => own.some(({ cpuPerMillion }) => part in cpuPerMillion))
      const head = [
        'who',
        'load',
        'durability',
        ...parts.map((part) => `${part} CPU-s/M`),
        'records/s',
        'ack p50 / p99 / p99.9 ms',
        'queryable p99 ms',
        'peak MiB',
        'B/record on disk',
        'counted',
      ]
      const notes = own.flatMap(({ contestant, notes }) => notes.map((note) => `- ${contestant}: ${note}`))
      return [
        `### ${stage}: ${STAGES[stage]}\n\n${markdownTable(
          head,
          own.map((one) => rowOf(parts, one)),
        )}${notes.length === 0 ? '' : `\n\n${[...new Set(notes)].join('\n')}`}`,
      ]
    })
    .join('\n\n')

/** The ratio first: it is what survives another machine. */
export const renderRatios = (rows: readonly ComparedRow[]): string =>
  markdownTable(
    [
      'stage',
      'what',
      'load',
      'peer (durability)',
      'ours (durability)',
      'peer CPU-s/M',
      'ours CPU-s/M',
      'peer ÷ ours, median (range)',
      'noise',
      'verdict',
    ],
    rows.map(({ stage, what, load, peer, peerDurability, ours, oursDurability, peerCost, oursCost, ratio, noise, isFailed }) => [
      stage,
      what,
      load,
      `${peer} (${peerDurability})`,
      `${ours} (${oursDurability})`,
      cost(peerCost),
      cost(oursCost),
      `${number(ratio.median, 2)} (${number(ratio.low, 2)}–${number(ratio.high, 2)})`,
      `× ${number(noise, 2)}`,
      isFailed ? '**lost, doubled or altered records**' : ratio.verdict,
    ]),
  )
