// What a topic must be like, and what does not fit into it.
import { expect, test } from 'vitest'
import type { EventLog } from '../../../streams/contracts/event-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { freePort } from '../../support/free-port.ts'
import { CLIENTS, configOf, openLog } from './log.ts'
import { codeOf, joinAndHold, openAndClose, until } from './members.ts'
import { createTopic, deleteTopic, dropBefore, produce, settingsOf } from './raw.ts'

const HOUR_MS = 3_600_000
const openTo = openAndClose()
const open = (...given: Parameters<typeof configOf>): Promise<EventLog> => openTo(configOf(...given))
const append = (log: EventLog, text: string, partition = 0) =>
  log.append({ partition, envelope: createEnvelope(), body: Buffer.from(text) })

for (const client of CLIENTS) {
  test(`${client}: two logs on one cluster have nothing to do with each other's groups`, async () => {
    const [one, two] = [await open(client, { partitions: 3 }), await open(client, { partitions: 2 })]
    const first = await joinAndHold(one)
    await until(() => first.held.size === 3, 'the first has its own')
    const second = await joinAndHold(two)
    await until(() => second.held.size === 2, 'the second has its own')
    await append(one, 'a')
    await first.held.get(0)!.commit({ offset: 1, open: [], note: '' })
    expect(first.given).toHaveLength(3)
    expect(await two.state('analytics', 0)).toEqual({ offset: 0, open: [], note: '' })
  })

  test(`${client}: a topic is made as the configuration says`, async () => {
    const { topic } = configOf(client)
    const log = await open(client, { topic, partitions: 5, retentionMs: 36 * HOUR_MS, maxMessageBytes: 3_000_000 })
    expect(log.partitions).toBe(5)
    expect(await settingsOf(topic)).toMatchObject({ 'retention.ms': String(36 * HOUR_MS), 'max.message.bytes': '3000000' })
  })

  test(`${client}: a topic that is there keeps its partitions and its limit, and both are what counts`, async () => {
    const { topic } = configOf(client)
    await createTopic(topic, 3, { 'max.message.bytes': '100000' })
    const log = await open(client, { topic, partitions: 8 })
    expect(log.partitions).toBe(3)
    expect(await codeOf(append(log, 'x'.repeat(100_000)))).toBe('MESSAGE_TOO_LARGE')
    expect(await append(log, 'x'.repeat(98_000))).toEqual({ partition: 0, offset: 0 })
  })

  test(`${client}: a message of 20 MiB passes and one above the limit is refused, while others go on`, async () => {
    const log = await open(client)
    const outcomes = await Promise.all([
      append(log, 'a'),
      append(log, 'x'.repeat(20 * 1024 * 1024)),
      codeOf(append(log, 'x'.repeat(22 * 1024 * 1024))),
      append(log, 'b'),
    ])
    expect(outcomes).toEqual([{ partition: 0, offset: 0 }, { partition: 0, offset: 1 }, 'MESSAGE_TOO_LARGE', { partition: 0, offset: 2 }])
  })

  test(`${client}: a topic that keeps less than a day is refused by the name of its setting`, async () => {
    const { topic } = configOf(client)
    await createTopic(topic, 2, { 'retention.ms': String(12 * HOUR_MS) })
    await expect(openLog(configOf(client, { topic }))).rejects.toThrow(/KAFKA_TOPIC.*12\.0 h.*retention\.ms.*24 h/)
  })

  test(`${client}: a topic that keeps the last message of each tenant only is refused`, async () => {
    const { topic } = configOf(client)
    await createTopic(topic, 2, { 'cleanup.policy': 'compact,delete' })
    await expect(openLog(configOf(client, { topic }))).rejects.toThrow(/KAFKA_TOPIC.*cleanup\.policy/)
  })

  test(`${client}: a broker that is not there is said within the time of a start`, async () => {
    const started = performance.now()
    expect(await codeOf(openLog(configOf(client, { brokers: [`127.0.0.1:${await freePort()}`] })))).toBe('LOG_IO')
    expect(performance.now() - started).toBeLessThan(15_000)
  })

  test(`${client}: what retention has dropped, and what is not ours, is a hole in the offsets: reading goes on behind it`, async () => {
    const { topic } = configOf(client)
    const log = await open(client, { topic })
    for (const text of ['dropped', 'dropped', 'a']) await append(log, text)
    await produce(topic, 0, 'no envelope', null)
    await append(log, 'b')
    await produce(topic, 0, 'a broken envelope', Buffer.from('nonsense'))
    await dropBefore(topic, 0, 2)
    const member = await joinAndHold(log)
    await until(() => member.held.has(0), 'the partition is given')
    const assignment = member.held.get(0)!
    const read = async (from: number) =>
      (await assignment.read({ from, maxBytes: 10_000_000, maxMessages: 100 })).map(({ offset, body }) => [
        offset,
        Buffer.from(body).toString(),
      ])
    expect(await read(0)).toEqual([
      [2, 'a'],
      [4, 'b'],
    ])
    expect(await read(5)).toEqual([])
    for (let n = 0; n < 3; n++) await produce(topic, 0, 'no envelope', null)
    const waiting = assignment.waitFor(5, 20_000)
    await append(log, 'c')
    await waiting
    await until(async () => (await read(5)).length === 1, 'what is behind the hole is read', 10_000)
    expect(await read(5)).toEqual([[9, 'c']])
    expect((await log.lag('analytics'))[0]).toMatchObject({ end: 10, oldestReceivedAtMs: createEnvelope().receivedAtMs })
  })

  test(`${client}: a topic that was deleted and made again under a running log is another log: nothing of it is read as this one's`, async () => {
    const { topic } = configOf(client)
    const log = await open(client, { topic })
    for (const text of ['a', 'b', 'c']) await append(log, text)
    const member = await joinAndHold(log)
    await until(() => member.held.has(0), 'the partition is given')
    await deleteTopic(topic)
    await until(
      () =>
        createTopic(topic, 2, {}).then(
          () => true,
          () => false,
        ),
      'the topic is made again',
    )
    const other = await open(client, { topic })
    expect(other.logId).not.toBe(log.logId)
    await append(other, 'of the other log')
    await expect(member.held.get(0)!.read({ from: 0, maxBytes: 1000, maxMessages: 10 })).rejects.toThrow()
    // A cache of what the brokers said lasts a minute: asked again, it is the same.
    await expect(member.held.get(0)!.read({ from: 0, maxBytes: 1000, maxMessages: 10 })).rejects.toThrow()
  })
}
