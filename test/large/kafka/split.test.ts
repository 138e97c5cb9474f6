// A body that the broker takes in no message of that size, through ingest: acknowledged, it is in the topic whole.
import { afterEach, expect, test } from 'vitest'
import type { LogMessage } from '../../../streams/contracts/consumer-group.ts'
import { decodeOne } from '../../analytics/decode/support.ts'
import { asProtobuf, send, startTestIngest, type Running } from '../../ingest/harness.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { CLIENTS, configOf } from './log.ts'
import { joinAndHold, openAndClose, until } from './members.ts'
import { createTopic } from './raw.ts'

const open = openAndClose()
let running: Running | null = null
afterEach(async () => {
  await running?.ingest.close()
})

for (const client of CLIENTS) {
  test(`${client}: on a topic of 100,000 bytes a body of 4 MB is stored once and in order, and a record above the limit is 413`, async () => {
    const { topic } = configOf(client)
    await createTopic(topic, 2, { 'max.message.bytes': '100000' })
    const log = await open(configOf(client, { topic }))
    running = await startTestIngest(
      { maxBodyBytes: 8 * 1024 * 1024, maxInflatedBytes: 8 * 1024 * 1024, maxInflightBytes: 64 * 1024 * 1024 },
      { ...log, messages: [], marks: [], before: null },
    )
    const texts = Array.from({ length: 4000 }, (_, n) => `${n} ${'x'.repeat(1000)}`)
    const bodyOf = (all: readonly string[]): Uint8Array =>
      encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords: all.map((one) => ({ body: { stringValue: one } })) }] }] })
    expect(
      (await send(running.otlp, { path: '/v1/logs', headers: asProtobuf, body: bodyOf([...texts, 'x'.repeat(100_000)]) })).status,
    ).toBe(413)
    expect((await send(running.otlp, { path: '/v1/logs', headers: asProtobuf, body: bodyOf(texts) })).status).toBe(200)
    const member = await joinAndHold(log)
    await until(() => member.held.size === 2, 'both partitions are given')
    const read: LogMessage[] = []
    for (const { partition, end } of await log.lag('analytics')) {
      for (let from = 0; from < end;) {
        const messages = await member.held.get(partition)!.read({ from, maxBytes: 8_000_000, maxMessages: 1000 })
        read.push(...messages)
        from = messages.at(-1)!.offset + 1
      }
    }
    const logs = read.filter(({ envelope }) => envelope.signal === 'otlp_logs')
    expect(logs.length).toBeGreaterThan(40)
    expect(logs.flatMap(({ body, envelope }) => decodeOne(body, envelope)).map(({ Body }) => Body)).toEqual(texts)
  })
}
