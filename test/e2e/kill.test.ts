import { expect, it } from 'vitest'
import { runKillRounds } from '../kill/kill-rounds.ts'

it('stores every acknowledged attempt exactly once through ten random kills and stops', async () => {
  const report = await runKillRounds({ rounds: 10, seed: 20_261 })
  expect(report.faults).toEqual([])
  expect(report.acknowledged).toBeGreaterThan(100)
}, 300_000)
