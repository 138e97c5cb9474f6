import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { PermanentError } from '../../../streams/contracts/errors.ts'
import type { KafkaDriver, Outgoing } from '../../../streams/kafka/driver.ts'
import { createSendQueue, sizeOf, type SendQueueConfig } from '../../../streams/kafka/send-queue.ts'

const message = (bytes: number, partition = 0): Outgoing => ({ partition, key: 't', value: new Uint8Array(bytes), headers: {} })
type Send = KafkaDriver['send']

const open = (send: Send, config: Partial<SendQueueConfig> = {}) =>
  createSendQueue({ topic: 'topic', maxPendingBytes: 10_000_000, ...config }, { send })
/** Gives offsets per partition in order, and keeps what it was sent. */
const createDriver = () => {
  const sends: (readonly Outgoing[])[] = []
  const next = new Map<number, number>()
  const send: Send = async (_topic, messages) => {
    sends.push(messages)
    return messages.map(({ partition }) => {
      const offset = next.get(partition) ?? 0
      next.set(partition, offset + 1)
      return offset
    })
  }
  return { sends, send }
}

describe('the queue of sends', () => {
  it('what comes within a moment goes together, and everyone learns its own position', async () => {
    const { sends, send } = createDriver()
    const queue = open(send)
    const positions = await Promise.all([0, 1, 0, 1, 0].map((partition) => queue.send(message(100, partition))))
    expect(positions).toEqual([
      { partition: 0, offset: 0 },
      { partition: 1, offset: 0 },
      { partition: 0, offset: 1 },
      { partition: 1, offset: 1 },
      { partition: 0, offset: 2 },
    ])
    expect(sends.map((one) => one.length)).toEqual([5])
    expect(queue.pendingBytes()).toBe(0)
  })

  it('one send is under way at a time; what comes meanwhile goes with the next', async () => {
    const { sends, send } = createDriver()
    let underWay = 0
    const queue = open(async (...args) => {
      underWay += 1
      expect(underWay).toBe(1)
      await sleep(5)
      underWay -= 1
      return await send(...args)
    })
    const all: Promise<unknown>[] = []
    for (let n = 0; n < 30; n++) {
      all.push(queue.send(message(100)))
      await sleep(1)
    }
    await Promise.all(all)
    expect(sends.length).toBeLessThan(20)
    expect(sends.flat()).toHaveLength(30)
  })

  it('behind a send, few messages wait for more instead of going one by one; the oldest sets the time', async () => {
    const { sends, send } = createDriver()
    const held = Promise.withResolvers<void>()
    const queue = open(
      async (...args) => {
        if (sends.length === 0) await held.promise
        return await send(...args)
      },
      { lingerMs: 40 },
    )
    const all = [queue.send(message(1))]
    await sleep(60)
    all.push(queue.send(message(2)))
    held.resolve()
    await all[0]
    all.push(queue.send(message(3)))
    expect(sends).toHaveLength(1)
    const began = performance.now()
    await Promise.all(all)
    expect(sends.map((one) => one.map(({ value }) => value.length))).toEqual([[1], [2, 3]])
    expect(performance.now() - began).toBeLessThan(500)
  })

  it('a message that the broker refuses is refused for good only when it was sent alone: which of several it was nobody knows', async () => {
    const queue = open(() => Promise.reject(new PermanentError('MESSAGE_TOO_LARGE', 'too large')))
    for (const one of [queue.send(message(1)), queue.send(message(1))])
      await expect(one).rejects.toMatchObject({ name: 'TransientError', code: 'LOG_IO' })
    await expect(queue.send(message(1))).rejects.toMatchObject({ name: 'PermanentError', code: 'MESSAGE_TOO_LARGE' })
  })

  it('a full batch does not wait, and a send holds no more than it may, unless one message is larger', async () => {
    const { sends, send } = createDriver()
    const queue = open(send, { lingerMs: 200, batchBytes: 2000, maxSendBytes: 2500 })
    const began = performance.now()
    const all = [1000, 1000, 1000, 9000, 10].map((bytes) => queue.send(message(bytes)))
    await Promise.all(all.slice(0, 4))
    expect(performance.now() - began).toBeLessThan(150)
    await Promise.all(all)
    expect(sends.map((one) => one.map(({ value }) => value.length))).toEqual([[1000, 1000], [1000], [9000], [10]])
  })

  it('at its bound it refuses, and takes again when what was under way has ended, well or badly', async () => {
    const held = Promise.withResolvers<void>()
    let fails = true
    const { send } = createDriver()
    const queue = open(
      async (...args) => {
        await held.promise
        if (fails) throw new Error('no broker')
        return await send(...args)
      },
      { maxPendingBytes: 3 * sizeOf(message(1000)) },
    )
    const taken = [0, 1, 2].map(() => queue.send(message(1000)))
    await expect(queue.send(message(1000))).rejects.toMatchObject({ name: 'TransientError', code: 'LOG_FULL' })
    held.resolve()
    for (const one of taken) await expect(one).rejects.toMatchObject({ name: 'TransientError', code: 'LOG_IO' })
    fails = false
    expect(queue.pendingBytes()).toBe(0)
    expect(await queue.send(message(1000))).toEqual({ partition: 0, offset: 0 })
  })

  it('of a send that failed in part those that were acknowledged succeed', async () => {
    const queue = open(async (_topic, messages) => messages.map(({ partition }) => (partition === 0 ? 7 : null)))
    const [good, bad] = await Promise.allSettled([queue.send(message(1, 0)), queue.send(message(1, 1))])
    expect(good).toMatchObject({ status: 'fulfilled', value: { partition: 0, offset: 7 } })
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'LOG_IO' } })
  })

  it('closing sends what waits, and refuses what comes after', async () => {
    const { sends, send } = createDriver()
    const queue = open(send, { lingerMs: 60_000 })
    const waiting = queue.send(message(1))
    await queue.close()
    expect(await waiting).toEqual({ partition: 0, offset: 0 })
    expect(sends).toHaveLength(1)
    await expect(queue.send(message(1))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})
