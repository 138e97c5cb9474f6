import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judge, toCsv } from '../../scripts/backtest/judge.ts'
import { toSvg } from '../../scripts/backtest/plot.ts'
import { readSeries, toUnixMs } from '../../scripts/backtest/series-file.ts'
import { createRandom } from '../seasonal/random.ts'

const HEADER = 'timestamp,value,expected,lower,upper,anomaly_score,is_anomaly'
const rows = (count: number): string[] => {
  const random = createRandom(4)
  return Array.from(
    { length: count },
    (_, i) =>
      `${new Date(Date.UTC(2026, 0, 1) + i * 300_000).toISOString().slice(0, 19).replace('T', ' ')},${i === count - 50 ? 900 : (100 + 5 * random.normal()).toFixed(3)}`,
  )
}
const csv = (lines: readonly string[]): string => `timestamp,value\n${lines.join('\n')}\n`

describe('a series as a file', () => {
  it('takes dates and Unix times of any unit, UTC where no zone is named', () => {
    const expected = Date.UTC(2026, 0, 2, 3, 4, 5)
    for (const text of [
      '2026-01-02 03:04:05',
      '2026-01-02T03:04:05Z',
      '2026-01-02T05:04:05+02:00',
      '2026-01-02 03:04:05.000000',
      String(expected),
      String(expected / 1000),
      String(expected * 1000),
      String(expected * 1e6),
    ])
      expect(toUnixMs(text), text).toBe(expected)
    expect(toUnixMs('2026-01-02')).toBe(Date.UTC(2026, 0, 2))
    expect(toUnixMs('2')).toBe(2 * 3_600_000)
    expect(toUnixMs('soon')).toBeNaN()
  })
  it('finds its columns by name, and says what is missing', () => {
    expect(readSeries('\uFEFFhost,Value,Timestamp\r\na,7,1600000060\r\nb,,1600000120\r\n')).toEqual([
      { timestamp: '1600000060', atMs: 1_600_000_060_000, value: 7 },
      { timestamp: '1600000120', atMs: 1_600_000_120_000, value: NaN },
    ])
    expect(() => readSeries('time,count\n1,2\n')).toThrow('timestamp and value')
  })
})

describe('a judged series', () => {
  it('has a row for each row, whatever is in it', () => {
    const lines = rows(400)
    lines.splice(100, 1, '2026-01-01 08:20:00,', 'no date,5', '2025-01-01 00:00:00,5', '2026-01-01 08:20:00,NaN')
    const out = toCsv(judge(readSeries(csv(lines))))
      .trimEnd()
      .split('\n')
    expect(out[0]).toBe(HEADER)
    expect(out.slice(1).map((line) => line.split(',')[0])).toEqual(lines.map((line) => line.split(',')[0]))
    expect(out[101]).toBe('2026-01-01 08:20:00,,,,,0.000000,0')
    expect(
      out
        .slice(1)
        .filter((line) => line.endsWith(',1'))
        .map((line) => line.split(',')[1]),
    ).toContain('900')
  })
  it('is drawn with its alarms, and with text that is only text', () => {
    const svg = toSvg('<script>&"', judge(readSeries(csv(rows(400)))))
    expect(svg).toContain('&lt;script&gt;&amp;&quot;')
    expect(svg.match(/class="edge"/g)?.length).toBeGreaterThanOrEqual(1)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    const long = judge(readSeries(csv(rows(20_000))))
    expect(toSvg('long', long).length).toBeLessThan(200_000)
    expect(toSvg('empty', [])).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('npm run backtest', () => {
  const directory = mkdtempSync(join(tmpdir(), 'backtest-'))
  const run = async (...args: string[]) => {
    const script = join(import.meta.dirname, '../../scripts/backtest.ts')
    return await promisify(execFile)(process.execPath, [script, ...args]).then(
      (done) => ({ ...done, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => error,
    )
  }
  beforeAll(() => {
    writeFileSync(join(directory, 'cpu.csv'), csv(rows(400)))
    writeFileSync(join(directory, 'wrong.csv'), 'a,b\n')
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  it('writes a file and a plot for each series and says what it found; a file that it cannot read costs no other', async () => {
    const out = join(directory, 'out')
    const done = await run(join(directory, 'wrong.csv'), join(directory, 'cpu.csv'), '--out', out)
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('wrong.csv: the first line must name the columns')
    expect(done.stdout).toContain('900 where')
    expect(readFileSync(join(out, 'cpu.csv'), 'utf8').split('\n')).toHaveLength(402)
    expect(readFileSync(join(out, 'cpu.svg'), 'utf8')).toContain('<svg')
  })
  it('never writes over what it reads', async () => {
    const before = readFileSync(join(directory, 'cpu.csv'), 'utf8')
    const done = await run(join(directory, 'cpu.csv'), '--out', directory)
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining('written over')])
    expect(readFileSync(join(directory, 'cpu.csv'), 'utf8')).toBe(before)
  })
})
