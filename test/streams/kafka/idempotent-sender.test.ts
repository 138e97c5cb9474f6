// Against a broker that keeps to KIP-98: it knows what it has by producer, epoch and number, takes only the next one, and loses requests and
// answers as it is told.
import { Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createIdempotentSender, ProduceError, type ProducePort, type Produced } from '../../../streams/kafka/idempotent-sender.ts'

type Fault =
  | 'request lost'
  | 'answer lost'
  | 'not leader'
  | 'appended, then not leader'
  | 'timed out behind the append'
  | 'forgets'
  | 'forgets who is idle'
  | 'too large'
const OWED = new Set<Fault | null>(['answer lost', 'appended, then not leader', 'timed out behind the append'])
const TOPIC = 'topic'

const createBroker = (faults: (Fault | null)[] = []) => {
  const logs = new Map<number, string[]>()
  /** `isOwed`: its last answer has not come through. */
  const known = new Map<string, { next: number; batches: { first: number; offset: number }[]; isOwed: boolean }>()
  let producers = 0
  let asked = 0
  const append = (partition: number, encoded: Buffer, isOwed: boolean): Produced => {
    const batch = readRecordsBatch(Reader.from(encoded))
    const log = logs.get(partition) ?? []
    logs.set(partition, log)
    const key = `${batch.producerId}/${batch.producerEpoch}/${partition}`
    const state = known.get(key) ?? { next: 0, batches: [], isOwed }
    const again = state.batches.find(({ first }) => first === batch.firstSequence)
    state.isOwed = isOwed
    if (again !== undefined) return { offset: again.offset }
    if (batch.firstSequence !== state.next) return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
    const offset = log.length
    log.push(...batch.records.map(({ value }) => value!.toString()))
    known.set(key, {
      next: state.next + batch.records.length,
      batches: [...state.batches, { first: batch.firstSequence, offset }].slice(-5),
      isOwed,
    })
    return { offset }
  }
  const port: ProducePort<string> & { leaders: (partition: number) => string; forgotten: number } = {
    forgotten: 0,
    leaders: (partition) => `broker ${partition % 2}`,
    crc32c: () => 0,
    newProducer: async () => ({ producerId: BigInt(++producers), producerEpoch: 0 }),
    leaderOf: async (_topic, partition) => port.leaders(partition),
    nameOf: (leader) => leader,
    forgetLeaders: () => {
      port.forgotten++
    },
    produce: async (_leader, _topic, batches) => {
      const own = new Map([...batches.keys()].map((partition) => [partition, faults[asked++] ?? null]))
      const all = [...own.values()]
      if (all.includes('request lost')) throw new Error('the connection is gone')
      const answers = new Map<number, Produced>()
      for (const [partition, encoded] of batches) {
        const fault = own.get(partition)!
        // As brokers do with who sent nothing for a day.
        for (const [key, { isOwed }] of known)
          if (key.endsWith(`/${partition}`) && (fault === 'forgets' || (fault === 'forgets who is idle' && !isOwed))) known.delete(key)
        if (fault === 'not leader') answers.set(partition, { error: 'NOT_LEADER_OR_FOLLOWER' })
        else if (fault === 'too large') answers.set(partition, { error: 'MESSAGE_TOO_LARGE' })
        else answers.set(partition, append(partition, encoded, OWED.has(fault) || all.includes('answer lost')))
        if (fault === 'timed out behind the append') answers.set(partition, { error: 'REQUEST_TIMED_OUT' })
        if (fault === 'appended, then not leader') answers.set(partition, { error: 'NOT_LEADER_OR_FOLLOWER' })
      }
      if (all.includes('answer lost')) throw new Error('the connection is gone')
      return answers
    },
  }
  return { port, logs, producers: () => producers }
}
const message = (value: string, partition = 0) => ({ partition, key: 't', value: Buffer.from(value), headers: {} })
const open = (port: ProducePort<string>, giveUpMs = 10_000) => createIdempotentSender({ retryMs: 1, giveUpMs }, port)

describe('an idempotent sender', () => {
  it('numbers what it sends, each partition by itself', async () => {
    const { port, logs, producers } = createBroker()
    const sender = open(port)
    expect((await sender.send(TOPIC, [message('a', 0), message('b', 1), message('c', 0)])).firsts).toEqual(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    )
    expect(await sender.send(TOPIC, [message('d', 0)])).toEqual({ firsts: new Map([[0, 2]]), error: null })
    expect(Object.fromEntries(logs)).toEqual({ 0: ['a', 'c', 'd'], 1: ['b'] })
    expect(producers()).toBe(1)
  })

  it.each<Fault>(['request lost', 'answer lost', 'not leader', 'appended, then not leader', 'timed out behind the append'])(
    'goes on behind: %s',
    async (fault) => {
      const { port, logs, producers } = createBroker([null, fault, fault])
      const sender = open(port)
      await sender.send(TOPIC, [message('a')])
      expect(await sender.send(TOPIC, [message('b'), message('c')])).toEqual({ firsts: new Map([[0, 1]]), error: null })
      await sender.send(TOPIC, [message('d')])
      expect(logs.get(0)).toEqual(['a', 'b', 'c', 'd'])
      expect(producers()).toBe(1)
      expect(port.forgotten).toBe(2)
    },
  )

  it('asks a new leader once it is told of one', async () => {
    const { port, logs } = createBroker(['not leader'])
    const sent = open({ ...port, leaderOf: async () => port.leaders(port.forgotten) }).send(TOPIC, [message('a')])
    expect((await sent).error).toBeNull()
    expect(logs.get(0)).toEqual(['a'])
  })

  it('begins anew with a broker that knows nothing of it, and sends nothing twice', async () => {
    const { port, logs, producers } = createBroker([null, 'forgets'])
    const sender = open(port)
    await sender.send(TOPIC, [message('a')])
    expect(await sender.send(TOPIC, [message('b')])).toEqual({ firsts: new Map([[0, 1]]), error: null })
    expect(logs.get(0)).toEqual(['a', 'b'])
    expect(producers()).toBe(2)
  })

  it('does not begin anew with what may be there already', async () => {
    const { port, logs } = createBroker([null, 'answer lost', 'forgets'])
    const sender = open(port)
    await sender.send(TOPIC, [message('a')])
    const { firsts, error } = await sender.send(TOPIC, [message('b')])
    expect(firsts.size).toBe(0)
    expect(error).toBeInstanceOf(ProduceError)
    expect(logs.get(0)).toEqual(['a', 'b'])
    expect((await sender.send(TOPIC, [message('c')])).firsts).toEqual(new Map([[0, 2]]))
  })

  it('says what the broker will not take, and goes on with what comes next', async () => {
    const { port, logs } = createBroker([null, 'too large'])
    const sender = open(port)
    await sender.send(TOPIC, [message('a')])
    expect((await sender.send(TOPIC, [message('b')])).error).toMatchObject({ kafkaName: 'MESSAGE_TOO_LARGE' })
    expect((await sender.send(TOPIC, [message('c')])).firsts).toEqual(new Map([[0, 1]]))
    expect(logs.get(0)).toEqual(['a', 'c'])
  })

  it('keeps what one broker took when another does not answer', async () => {
    const { port, logs } = createBroker()
    const { firsts, error } = await open(
      {
        ...port,
        produce: (leader, ...rest) => (leader === 'broker 1' ? Promise.reject(new Error('gone')) : port.produce(leader, ...rest)),
      },
      20,
    ).send(TOPIC, [message('a', 0), message('b', 1)])
    expect(firsts).toEqual(new Map([[0, 0]]))
    expect(error).toMatchObject({ code: 'LOG_IO' })
    expect(logs.get(0)).toEqual(['a'])
  })

  it('gives up in time, and says why', async () => {
    const { port } = createBroker()
    const message1 = [message('a')]
    const nobody = open({ ...port, newProducer: () => Promise.reject(new Error('no broker')) }, 20)
    expect((await nobody.send(TOPIC, message1)).error).toMatchObject({ message: 'Kafka did not take it in time: no broker' })
    const locked = open({ ...port, produce: () => Promise.reject(new Error('SASL authentication failed')) }, 20)
    expect((await locked.send(TOPIC, message1)).error).toMatchObject({
      message: expect.stringContaining('SASL authentication failed') as string,
    })
    const alone = { error: 'NOT_ENOUGH_REPLICAS' }
    const few = open({ ...port, produce: async () => new Map([[0, alone]]) }, 20)
    expect((await few.send(TOPIC, message1)).error).toMatchObject({ message: expect.stringContaining('NOT_ENOUGH_REPLICAS') as string })
  })

  it('does not begin anew with what was appended by a leader that leads no longer', async () => {
    const { port, logs } = createBroker([null, null, 'appended, then not leader', 'forgets'])
    const sender = open({ ...port, leaderOf: async () => 'one broker' })
    await sender.send(TOPIC, [message('a', 0), message('b', 1)])
    await sender.send(TOPIC, [message('c', 0), message('d', 1)])
    expect(logs.get(0)).toEqual(['a', 'c'])
  })

  it('asks a broker once for all of its partitions', async () => {
    let requests = 0
    const { port } = createBroker()
    await open({
      ...port,
      produce: (...asked) => {
        requests++
        return port.produce(...asked)
      },
    }).send(
      TOPIC,
      [0, 1, 2, 3].map((partition) => message('a', partition)),
    )
    expect(requests).toBe(2)
  })

  it('numbers go over 2^31 - 1', async () => {
    const numbers: number[] = []
    const { port } = createBroker()
    const sender = createIdempotentSender(
      { retryMs: 1, giveUpMs: 1000, firstSequence: 2 ** 31 - 2 },
      {
        ...port,
        produce: async (_leader, _topic, batches) => {
          numbers.push(...[...batches.values()].map((batch) => batch.readInt32BE(53)))
          return new Map([...batches.keys()].map((partition) => [partition, { offset: 0 }]))
        },
      },
    )
    for (let send = 0; send < 3; send++) await sender.send(TOPIC, [message('a'), message('b'), message('c')])
    // 2^31 - 2, 2^31 - 1, 0 | 1, 2, 3 | 4
    expect(numbers).toEqual([2 ** 31 - 2, 1, 4])
  })

  it('under any faults: what has an offset is there, where it says, once; nothing is there twice', async () => {
    const fault = fc.constantFrom<Fault | null>(
      null,
      null,
      null,
      'request lost',
      'answer lost',
      'not leader',
      'appended, then not leader',
      'timed out behind the append',
      'forgets who is idle',
      'too large',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 30 }),
        fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 }),
        async (faults, sends) => {
          const { port, logs } = createBroker(faults)
          const sender = open(port)
          let count = 0
          for (const partitions of sends) {
            const messages = partitions.map((partition) => message(`m${count++}`, partition))
            const { firsts, error } = await sender.send(TOPIC, messages)
            for (const [partition, first] of firsts) {
              const mine = messages.filter((one) => one.partition === partition).map((one) => one.value.toString())
              expect(logs.get(partition)!.slice(first, first + mine.length)).toEqual(mine)
            }
            expect(error === null).toBe(firsts.size === new Set(partitions).size)
          }
          const all = [...logs.values()].flat()
          expect(new Set(all).size).toBe(all.length)
        },
      ),
      { numRuns: 300 },
    )
  })
})
