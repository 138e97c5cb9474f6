import { expect, it } from 'vitest'
import { createSendMemory } from '../../../streams/kafka/send-memory.ts'

it('gives pieces beside each other, and what does not fit on its own', () => {
  const memory = createSendMemory(10)
  const pieces = [memory.take(4), memory.take(6), memory.take(1)]
  for (const [at, piece] of pieces.entries()) piece.fill(at)
  expect(pieces.map((piece) => [...piece])).toEqual([[0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [2]])
  expect(pieces[0].buffer).toBe(pieces[1].buffer)
  expect(pieces[2].buffer).not.toBe(pieces[0].buffer)
})
it('gives the same memory again when it is free', () => {
  const memory = createSendMemory(10)
  const first = memory.take(10)
  memory.release(false)
  expect(memory.take(3).buffer).toBe(first.buffer)
})
it('leaves memory alone that somebody still reads', () => {
  const memory = createSendMemory(10)
  const held = memory.take(3).fill(1)
  memory.release(true)
  memory.take(3).fill(2)
  expect([...held]).toEqual([1, 1, 1])
})
