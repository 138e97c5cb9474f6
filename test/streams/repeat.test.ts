import { expect, test } from 'vitest'
import { startRepeating } from '../../streams/contracts/repeat.ts'

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('a run that fails is told of, and the next comes as ever', async () => {
  const told: unknown[] = []
  let runs = 0
  const repeating = startRepeating(
    async () => {
      if (++runs < 3) throw new Error(`run ${runs}`)
    },
    { everyMs: 1 },
    (error) => told.push(error),
  )
  await until(() => runs >= 4)
  await repeating.close()
  expect(told.map(String)).toEqual(['Error: run 1', 'Error: run 2'])
})

test('one run follows the other, and closing waits for the one under way and begins no further', async () => {
  let [atWork, most, runs] = [0, 0, 0]
  let finish = (): void => undefined
  const repeating = startRepeating(
    async () => {
      runs += 1
      most = Math.max(most, ++atWork)
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      atWork -= 1
    },
    { everyMs: 0 },
    () => undefined,
  )
  await until(() => runs === 1)
  finish()
  await until(() => runs === 2)
  const closed = repeating.close()
  expect(atWork).toBe(1)
  finish()
  await closed
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([atWork, most, runs]).toEqual([0, 1, 2])
})

test('closed before its first run it does nothing', async () => {
  let runs = 0
  const repeating = startRepeating(
    async () => {
      runs += 1
    },
    { firstAfterMs: 5, everyMs: 1 },
    () => undefined,
  )
  await repeating.close()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(runs).toBe(0)
})
