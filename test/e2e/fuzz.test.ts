import { expect, it } from 'vitest'
import { runFuzz } from '../fuzz/fuzz.ts'

it('answers 5,000 hostile requests without a 5xx, while a good client loses nothing', async () => {
  const report = await runFuzz({ requests: 5000, seed: 424_242 })
  expect(report.faults).toEqual([])
  expect(report.requests).toBeGreaterThanOrEqual(5000)
  expect(report.goodAcknowledged).toBeGreaterThan(10)
}, 280_000)
