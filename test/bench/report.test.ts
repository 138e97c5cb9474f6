import { describe, expect, it } from 'vitest'
import { assertSameSize, checkAgainst, compare, toBaseline, type Pairing } from '../../bench/report/compare.ts'
import { renderPlot } from '../../bench/report/plot.ts'
import type { Result } from '../../bench/report/result.ts'
import { splice } from '../../bench/report/splice.ts'
import { renderRatios, renderResults } from '../../bench/report/table.ts'

const result = (contestant: string, cpu: Record<string, number>, change: Partial<Result> = {}): Result => ({
  stage: 'E',
  load: 'load',
  contestant,
  durability: 'fsync',
  records: 1000,
  seconds: 1,
  recordsPerSecond: 1000,
  cpuPerMillion: cpu,
  peakMiB: { pipeline: 100 },
  ackMs: { p50: 1, p99: 20, p999: 300 },
  queryableP99Ms: null,
  bytesPerRecord: 287.4,
  isCounted: true,
  faults: [],
  notes: [],
  ...change,
})
const pairing: Pairing = {
  stage: 'E',
  what: 'all',
  load: 'load',
  ours: ['ours', 'copy'],
  copies: ['ours', 'copy'],
  peer: 'peer',
  parts: 'all',
}
const rounds = (peer: number, ours = 1): Result[] =>
  [0, 1, 2].flatMap(() => [
    result('ours', { pipeline: ours }),
    result('copy', { pipeline: ours * 1.1 }),
    result('peer', { pipeline: peer, generator: 100, sink: 50 }),
  ])

describe('a comparison', () => {
  it('counts neither generator nor sink, and compares with the mean of both copies', () => {
    expect(compare(rounds(6.3), pairing)).toMatchObject({
      peerCost: 6.3,
      oursCost: 1.05,
      noise: expect.closeTo(1.1),
      ratio: { median: expect.closeTo(6), verdict: 'dearer than ours' },
      isFailed: false,
    })
  })
  it('counts the parts that the row names', () => {
    const results = [0, 1].flatMap(() => [
      result('ours', { pipeline: 1, clickhouse: 4 }),
      result('copy', { pipeline: 1, clickhouse: 4 }),
      result('peer', { pipeline: 9, clickhouse: 16 }),
    ])
    expect(compare(results, { ...pairing, parts: ['clickhouse'] })!.ratio.median).toBe(4)
    expect(compare(results, pairing)!.ratio.median).toBe(5)
  })
  it('needs everybody in every round', () => {
    expect(compare(rounds(6).slice(1), pairing)).toBeNull()
    expect(compare(rounds(6), { ...pairing, peer: 'nobody' })).toBeNull()
  })
  it('a peer that lost a record is not quoted as if it had not', () => {
    const results = [
      ...rounds(6),
      result('ours', { pipeline: 1 }),
      result('copy', { pipeline: 1 }),
      result('peer', { pipeline: 0.1 }, { faults: ['1 requests doubled'] }),
    ]
    expect(renderRatios([compare(results, pairing)!])).toContain('**lost, doubled or altered records**')
  })
})

describe('the baseline', () => {
  const row = (peer: number) => compare(rounds(peer), pairing)!
  const size = { records: 1000, seconds: 1 }
  const baselineOf = (peer: number) => toBaseline([row(peer)], size)
  it('holds when our lead has grown, or shrunk by no more than the noise of both runs', () => {
    for (const now of [8, 6, 5.1]) expect(checkAgainst([row(now)], baselineOf(6)).worse).toEqual([])
  })
  it('does not when it has shrunk by more', () => {
    expect(checkAgainst([row(4.8)], baselineOf(6)).worse).toHaveLength(1)
  })
  it('names what a run lacks, and compares nothing with nothing', () => {
    expect(checkAgainst([], baselineOf(6))).toEqual({ worse: [], missing: [row(6).key], compared: 0 })
  })
  it('is compared with runs of its size alone', () => {
    expect(() => assertSameSize({ rows: [] }, [{ size }])).toThrow(/bench:compare -- --quick --baseline/)
    expect(() => assertSameSize(baselineOf(6), [{ size }, { size }])).not.toThrow()
    expect(() => assertSameSize(baselineOf(6), [{ size }, { size: { ...size, records: 2000 } }])).toThrow(
      /1,000 records or 1 s.*2,000 records/,
    )
  })
})

describe('the tables', () => {
  it('say durability and counts of every row, with a column for each part that somebody has', () => {
    const text = renderResults([
      result('ours', { pipeline: 0.5, generator: 0.2 }),
      result('peer', { pipeline: 20, broker: 3 }, { durability: 'memory', faults: ['2 requests doubled'], notes: ['slow'] }),
    ])
    expect(text.split('\n')[2]).toContain('| pipeline CPU-s/M | broker CPU-s/M | generator CPU-s/M |')
    expect(text).toContain(
      '| ours | load | fsync | 0.50 | – | 0.20 | 1,000 | 1.0 / 20 / 300 | – | 100 | 287 | 1,000, none lost, doubled or altered |',
    )
    expect(text).toContain('| peer | load | memory | 20.0 | 3.00 | – |')
    expect(text).toContain('**FAILED: 2 requests doubled**')
    expect(text).toContain('- peer: slow')
  })
  it('claim no count where there was nothing to count', () => {
    expect(renderResults([result('peer', { pipeline: 1 }, { isCounted: false })])).toContain('1,000 answered, nothing to count')
  })
})

describe('the plot', () => {
  const bars = [
    { group: 'E', label: 'ours <fsync>', value: 1, isOurs: true },
    { group: 'E', label: 'peer', value: 4, isOurs: false },
  ]
  const svg = renderPlot('cost', 's', bars)
  it('has a bar for each value, as long as it is', () => {
    const widths = [...svg.matchAll(/<rect class="(\w+)" [^>]*width="([\d.]+)"/g)].map(([, kind, width]) => [kind, Number(width)])
    expect(widths.map(([kind]) => kind)).toEqual(['ours', 'peer'])
    expect(Number(widths[1][1]) / Number(widths[0][1])).toBeCloseTo(4, 1)
    const beside = renderPlot('cost', 's', [...bars, { group: 'S', label: 'ours', value: 100, isOurs: true }])
    expect(beside.match(/width="[\d.]+" height/g)?.slice(0, 2)).toEqual(svg.match(/width="[\d.]+" height/g))
  })
  it('writes labels as text', () => {
    expect(svg).toContain('ours &lt;fsync&gt;')
  })
})

describe('the figures of a document', () => {
  it('change between their marks and nowhere else', () => {
    const once = splice('before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter', 'bench', 'new\n')
    expect(once).toBe('before\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nafter')
    expect(splice(once, 'bench', 'new')).toBe(once)
  })
  it('have no place in a document without marks', () => {
    expect(() => splice('text', 'bench', 'new')).toThrow('no place')
  })
})
