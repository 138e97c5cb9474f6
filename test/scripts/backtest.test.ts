import { execFile } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judge, toCsv } from '../../scripts/backtest/judge.ts'
import { toSvg } from '../../scripts/backtest/plot.ts'
import { isNewestFirst, readRows, readSeries, toUnixMs } from '../../scripts/backtest/series-file.ts'
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
  it('takes eight digits that are a date as one, and no time that is further than any date', () => {
    expect(toUnixMs('20260105')).toBe(Date.UTC(2026, 0, 5))
    expect(toUnixMs('20261399')).toBe(20_261_399_000)
    expect(toUnixMs('9'.repeat(40))).toBeNaN()
  })
  it('reads quoted fields with commas and quotes in them, and knows the line of each row and what it says', () => {
    const file = [
      '"host, or ""pod""",timestamp,"value"',
      '"a, b",1600000060,7.50',
      '',
      '"c ""d"", e","1600000120","8"',
      ',1600000180,9',
      '"f,1600000240,1',
    ].join('\n')
    expect(readRows(file).map(({ line, timestamp, text }) => [line, timestamp, text])).toEqual([
      [2, '1600000060', '7.50'],
      [4, '1600000120', '8'],
      [5, '1600000180', '9'],
      [6, '1600000240', '1'],
    ])
  })
  it('is newest first when most of it goes back in time', () => {
    const file = (lines: readonly string[]) => isNewestFirst(readSeries(csv(lines)))
    const lines = rows(50)
    expect(file(lines)).toBe(false)
    expect(file(lines.toReversed())).toBe(true)
    expect(file(['no date,1', ...lines.toReversed(), lines[20]])).toBe(true)
    expect(file([])).toBe(false)
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
  it('has times and values as the file has them, and all digits of what was expected', () => {
    const lines = rows(60).map((line, i) => `"${line.split(',')[0]}",${i === 50 ? '1000000025.6070' : (1e9 + 25 + (i % 7) / 8).toFixed(3)}`)
    lines[10] = '"Thursday, or so",1e3'
    const out = toCsv(judge(readRows(csv(lines)))).split('\n')
    expect(out[51]).toMatch(/^2026-01-01 04:10:00,1000000025\.6070,1000000025\.\d+,\d+\.\d+,\d+\.\d+,/)
    expect(out[11]).toBe('"Thursday, or so",1e3,,,,0.000000,0')
  })
  it('has no reading where the value is infinite, no number or beyond what can be learned, and goes on after it', () => {
    const lines = rows(400)
    const values = ['Infinity', '-Infinity', '1e400', 'NaN', 'n/a', '-1e200']
    for (const [i, value] of values.entries()) lines[100 + i] = lines[100 + i].replace(/,.*/, `,${value}`)
    const judged = judge(readRows(csv(lines)))
    expect(judged.slice(100, 106).map(({ reading, skip }) => [reading, skip])).toEqual([
      ...Array.from({ length: 5 }, () => [null, 'without a finite value']),
      [null, 'with a value beyond 1e37'],
    ])
    expect(judged.filter(({ reading }) => reading?.state === 'ready')).toHaveLength(400 - 20 - values.length)
    const huge = judge(readSeries(csv(rows(3_000).map((line, i) => line.replace(/,.*/, i % 2 ? ',1e37' : ',-1e37')))))
    expect(`${toCsv(huge)}${toSvg('huge', huge)}`).not.toMatch(/NaN|Infinity/)
  })
  it.each([
    ['the first row', [0]],
    ['the second', [1]],
    ['the eleventh', [10]],
    ['three in a row', [10, 11, 12]],
    ['some', [10, 500, 501, 2_000]],
    ['one in 29', Array.from({ length: 100 }, (_, i) => 29 * i)],
  ])('is judged though %s is far in the future, each row by those before it alone', (_, wrong) => {
    const lines = rows(3_000)
    for (const i of wrong) lines[i] = lines[i].replace('2026', '2099')
    const judged = judge(readRows(csv(lines)))
    expect(judged.filter(({ reading }) => reading === null)).toEqual([])
    expect(judged.filter(({ reading }) => reading!.alarm).map(({ text }) => text)).toContain('900')
    for (const count of [2, 11, 12, 30, 501, 2_500])
      expect(judge(readRows(csv(lines.slice(0, count)))), `the first ${count}`).toEqual(judged.slice(0, count))
    expect(toSvg('ahead', judged)).not.toContain('>2099')
  })
  it('is judged though times run further and further ahead', () => {
    const lines = rows(3_000)
    for (const i of [30, 31, 32, 33, 34, 35]) lines[i] = lines[i].replace('2026', String(2000 + 2 * i))
    expect(judge(readSeries(csv(lines))).filter(({ reading }) => reading === null)).toEqual([])
  })
  it('goes on with all that was learned after a gap, and skips what is a little late', () => {
    const lines = rows(400).map((line, i) => (i < 200 ? line : line.replace('2026', '2028')))
    lines.splice(300, 0, lines[298])
    const judged = judge(readRows(csv(lines)))
    expect(judged[200].reading).toMatchObject({ state: 'ready', history: 200 })
    expect(judged.flatMap(({ line, skip }) => (skip === null ? [] : [[line, skip]]))).toEqual([[302, 'not after the rows before']])
  })
  it('is drawn from near its least value where it varies little', () => {
    const labels = (level: number): number[] => {
      const file = csv(rows(400).map((line, i) => line.replace(/,.*/, `,${level + ((i * 7) % 25)}`)))
      return [...toSvg('large', judge(readSeries(file))).matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) =>
        Number(label.replaceAll(',', '').replace('−', '-')),
      )
    }
    expect(Math.min(...labels(1e9))).toBeGreaterThan(1e9 - 100)
    expect(Math.max(...labels(-1e9))).toBeLessThan(-1e9 + 100)
    expect(Math.min(...labels(20))).toBeLessThanOrEqual(0)
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
  it.each(['of another folder', 'behind a link', 'that is not there yet', 'that has another name'])(
    'writes nothing where an output would replace an input %s',
    async (which) => {
      const place = mkdtempSync(join(directory, 'place-'))
      const [first, folder, link] = [join(place, 'same.csv'), join(place, 'real'), join(place, 'link')]
      mkdirSync(folder)
      symlinkSync(folder, link)
      writeFileSync(first, csv(rows(30)))
      if (which === 'that has another name') linkSync(first, join(folder, 'same.csv'))
      else if (which !== 'that is not there yet') writeFileSync(join(folder, 'same.csv'), csv(rows(40)))
      const before = readdirSync(folder)
      const done = await run(first, join(folder, 'same.csv'), '--out', which === 'behind a link' ? link : folder)
      expect([done.code, done.stdout, done.stderr]).toEqual([2, '', expect.stringMatching(/^\S+same\.csv would be written over: .*\n$/)])
      expect(readdirSync(folder)).toEqual(before)
    },
  )
  it('says in a line where it cannot write', async () => {
    const file = join(directory, 'cpu.csv')
    for (const out of [file, join(file, 'below', 'it'), '/proc/foo', '/sys/foo']) {
      const done = await run(file, '--out', out)
      expect([done.code, done.stdout, done.stderr], out).toEqual([1, '', expect.stringMatching(/^--out \S+ cannot be written to: .*\n$/)])
    }
  })
  it('says what was not judged and why, and where each output is', async () => {
    const lines = rows(400)
    lines.splice(100, 0, '', 'no date,5', '2025-12-31 00:00:00,5', 'no date,6', '2026-01-01 08:20:00,')
    writeFileSync(join(directory, 'gaps.csv'), csv(lines))
    const out = join(directory, 'gaps')
    const done = await run(join(directory, 'gaps.csv'), '--out', out)
    expect(done.code).toBe(0)
    expect(done.stdout).toContain(`gaps.csv: 404 rows, 1 alarm, written to ${join(out, 'gaps.csv')} and ${join(out, 'gaps.svg')}\n`)
    expect(done.stdout).toContain('4 rows were not judged: 2 without a time (first in line 103)')
    expect(done.stdout).toContain(', 1 without a finite value (first in line 106), 1 not after the rows before (first in line 104)\n')
  })
  it('fails where nothing could be judged, and writes the rows all the same', async () => {
    writeFileSync(join(directory, 'undated.csv'), csv(rows(30).map((line) => `soon${line}`)))
    writeFileSync(join(directory, 'empty.csv'), csv([]))
    const out = join(directory, 'unjudged')
    const done = await run(join(directory, 'undated.csv'), join(directory, 'empty.csv'), '--out', out)
    expect(done.code).toBe(1)
    expect(done.stdout).toContain('30 rows were not judged: 30 without a time (first in line 2)')
    expect(done.stderr.match(/(undated|empty)\.csv: nothing in it could be judged/g)).toHaveLength(2)
    expect(readFileSync(join(out, 'undated.csv'), 'utf8').split('\n')).toHaveLength(32)
  })
  it('judges a file that is newest first in order of time, and keeps its order', async () => {
    writeFileSync(join(directory, 'newest.csv'), csv(rows(400).toReversed()))
    const out = join(directory, 'newest')
    const done = await run(join(directory, 'newest.csv'), join(directory, 'cpu.csv'), '--out', out)
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('newest first')])
    const [newest, cpu] = ['newest', 'cpu'].map((name) =>
      readFileSync(join(out, `${name}.csv`), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1),
    )
    expect(newest).toEqual(cpu.toReversed())
  })
})
