import { describe, expect, it } from 'vitest'
import { faultsOf, untilArrived, type StoredAttempt } from '../../bench/measure/counts.ts'

const whole = (attempt: number): StoredAttempt => ({ attempt, records: 10, distinct: 10, isAltered: false })

describe('what a run may not do to records', () => {
  it('everything acknowledged once and whole is no fault, nor is an attempt that arrived without its acknowledgement', () => {
    expect(faultsOf([whole(1), whole(2), whole(3)], [1, 2], 10)).toEqual([])
  })
  it.each([
    ['lost', [whole(1)], ['1 requests acknowledged and lost']],
    ['doubled', [whole(1), { ...whole(2), records: 20 }], ['1 requests doubled']],
    ['torn', [whole(1), { ...whole(2), records: 9, distinct: 9 }], ['1 requests torn']],
    ['altered', [whole(1), { ...whole(2), isAltered: true }], ['1 requests altered']],
    ['torn where nothing was promised', [whole(1), whole(2), { ...whole(3), records: 4, distinct: 4 }], ['1 requests torn']],
  ] as const)('%s is told', (_, stored, faults) => {
    expect(faultsOf(stored, [1, 2], 10)).toEqual(faults)
  })
  it('one lost and one too many do not make up for each other', () => {
    expect(faultsOf([whole(1), whole(3)], [1, 2], 10)).toEqual(['1 requests acknowledged and lost'])
  })
  it('waiting ends when nothing new comes, so that the counts can say what is missing', async () => {
    let calls = 0
    await untilArrived(async () => Math.min(5, calls++), 10, 250)
    expect(calls).toBeGreaterThan(6)
    let count = 0
    await untilArrived(async () => ++count, 3)
    expect(count).toBe(3)
  })
})
