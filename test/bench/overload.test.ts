import { expect, it } from 'vitest'
import { driftOf, recoverySeconds } from '../../bench/stages/overload.ts'

it('memory that stays has no drift, and memory that grows has it where it grows', () => {
  expect(driftOf([10, 200, 210, 200, 210, 200])).toBeLessThan(10)
  expect(driftOf([10, 20, 30, 40, 50, 60])).toBe(20)
})
it('recovered is when the last slow answer has come', () => {
  expect(recoverySeconds({ startedAtMs: 1000, acknowledgedAtMs: [1100, 3000, 5000, 9000], latenciesMs: [2, 900, 400, 3] })).toBe(4)
  expect(recoverySeconds({ startedAtMs: 1000, acknowledgedAtMs: [1100], latenciesMs: [2] })).toBe(0)
})
