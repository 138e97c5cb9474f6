import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { answer, scoreOf } from '../../../bench/rca/case.ts'
import { readPetshop } from '../../../bench/rca/petshop.ts'
import { readSockShop } from '../../../bench/rca/sock-shop.ts'
import { parseTable } from '../../../bench/rca/table.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-rca-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const put = (path: string, text: string): void => {
  mkdirSync(join(directory, path, '..'), { recursive: true })
  writeFileSync(join(directory, path), text)
}
const noise = (i: number): number => (Math.sin(i * 12.9898) * 43758.5453) % 1

/** Three services in a row; `slow` of them take longer from row `from` on. */
const petshopMetrics = (rows: number, startS: number, from: number): string => {
  const services = ['PetSite', 'search', 'table']
  const metrics = [
    ['latency', 'Average'],
    ['requests', 'Sum'],
    ['availability', 'Average'],
  ] as const
  const columns = metrics.flatMap((metric) => services.map((service) => [service, ...metric] as const))
  const cell = (service: string, metric: string, row: number): number =>
    metric === 'requests'
      ? 100
      : metric === 'availability'
        ? 100
        : (0.1 + 0.01 * noise(row)) * (service !== 'PetSite' && row >= from ? 4 : row >= from ? 2 : 1)
  return [
    ['microservice', ...columns.map(([service]) => service)],
    ['metric', ...columns.map(([, metric]) => metric)],
    ['statistic', ...columns.map(([, , statistic]) => statistic)],
    ['unix_timestamp', ...columns.map(() => '')],
    ...Array.from({ length: rows }, (_, row) => [
      `${startS + 300 * row}.0`,
      ...columns.map(([service, metric]) =>
        service === 'search' && metric === 'latency' && row === 3 && rows > 10 ? '' : String(cell(service, metric, row)),
      ),
    ]),
  ]
    .map((line) => line.join(','))
    .join('\n')
}

describe('the public data of the benchmark', () => {
  it('has empty fields and header lines of its own', () => {
    const { head, times, column } = parseTable('a,b\nx,y\nunix,\n10.0,1\n20.0,\n')
    expect([head, times, column(1)]).toEqual([
      [
        ['a', 'b'],
        ['x', 'y'],
        ['unix', ''],
      ],
      [10, 20],
      [1, null],
    ])
  })

  it('of PetShop is a history, a call graph and the half hour of an issue', () => {
    for (const traffic of ['low_traffic', 'high_traffic']) {
      put(`petshop/dataset/${traffic}/noissue/metrics.csv`, petshopMetrics(40, 0, 1000))
      put(`petshop/dataset/${traffic}/graph.csv`, ',PetSite,search,table\nPetSite,0.0,1.0,0.0\nsearch,0.0,0.0,1.0\ntable,0.0,0.0,0.0\n')
      put(`petshop/dataset/${traffic}/test/issue_0/metrics.csv`, petshopMetrics(5, 1_000_000, 2))
      put(
        `petshop/dataset/${traffic}/test/issue_0/target.json`,
        JSON.stringify({
          target: { node: 'PetSite', metric: 'latency', agg: 'Average', timestamp: 1_000_000 + 610 },
          root_cause: { node: 'table', metric: null },
        }),
      )
      mkdirSync(join(directory, `petshop/dataset/${traffic}/train`), { recursive: true })
    }
    const cases = readPetshop(join(directory, 'petshop'))
    expect(cases).toHaveLength(2)
    expect(cases[0]).toMatchObject({
      name: 'low_traffic/test/issue_0',
      truth: 'table',
      moment: { recentFrom: 40, onset: 42 },
      symptoms: [{ service: 'PetSite', kind: 'latency' }],
    })
    expect(cases[0].calls.map(({ from, to, kind }) => [from, to, kind])).toEqual([
      ['PetSite', 'search', 'declared'],
      ['search', 'table', 'declared'],
    ])
    const answers = cases.map(answer)
    expect(answers[0].listed[0]).toBe('table')
    expect(scoreOf(answers)).toMatchObject({ cases: 2, top1: 1, top3: 1, avg5: 1 })
  })

  it('of Sock Shop tells no time: the detector finds it', () => {
    const rows = (n: number, at: (i: number) => number): string =>
      [
        'time,carts_cpu,carts-db_cpu,carts_lat_50',
        ...Array.from({ length: n }, (_, i) => [i, at(i) + noise(i), 30 + noise(i + 7), 0.2 + 0.01 * noise(i + 3)].join(',')),
      ].join('\n')
    put(
      'sock/carts-cpu/1/normal.csv',
      rows(200, () => 20),
    )
    put(
      'sock/carts-cpu/1/anomalous.csv',
      rows(120, (i) => (i < 30 ? 20 : 90)),
    )
    const [one] = readSockShop(join(directory, 'sock'))
    expect(one).toMatchObject({ name: 'carts-cpu/1', truth: 'carts', symptoms: [{ service: 'carts', kind: 'resource' }] })
    expect(Math.abs(one.moment.onset - 230)).toBeLessThanOrEqual(2)
    expect(answer(one).rank).toBe(1)
  })

  it('is asked for when it is not there', () => {
    const run = spawnSync(process.execPath, ['bench/rca/main.ts', '--data', join(directory, 'nothing')], { encoding: 'utf8' })
    expect(run.status).toBe(1)
    expect(run.stderr).toContain('say where with --data DIR or LAPWING_BENCH_DATA')
    expect(run.stdout).toBe('')
  })
})

describe('a score', () => {
  it('counts a cause that is not listed as missed', () => {
    const of = (rank: number) => ({ name: '', truth: '', rank, listed: [], ms: 1 })
    expect(scoreOf([of(1), of(2), of(4), of(0)])).toMatchObject({ top1: 0.25, top3: 0.5, avg5: (0.25 + 0.5 + 0.5 + 0.75 + 0.75) / 5 })
  })
})
