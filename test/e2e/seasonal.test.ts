import { expect, it } from 'vitest'
import { play } from '../seasonal/play.ts'

it('works three hours of healthy seasonal traffic through with at most one incident, then finds each fault and ranks it first', async () => {
  const lines: string[] = []
  const report = await play({
    seed: 11,
    hours: 3,
    shape: { services: 15, scale: 1.5, amplitude: 4, jobs: 0 },
    faults: ['errors', 'silence', 'latency'],
    liveSeconds: 5,
    say: (line) => lines.push(line),
  })
  expect(report.problems, lines.join('\n')).toEqual([])
  expect(report.found.map((one) => one.rank)).toEqual([1, 1, 1])
  expect(report.seamIncidents).toBe(0)
}, 150_000)
