// What is set aside is in a topic of its own, whole and with its reason, for who reads topics.
import { expect, test } from 'vitest'
import type { SetAside } from '../../../streams/contracts/dead-letters.ts'
import { decodeEnvelope } from '../../../streams/envelope.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { CLIENTS, configOf } from './log.ts'
import { joinAndHold, openAndClose } from './members.ts'
import { createTopic, readAll, settingsOf } from './raw.ts'

const open = openAndClose()
const letter = (offset: number, body: Uint8Array): SetAside => ({
  partition: 1,
  reason: 'decode_failed',
  detail: `why ${offset}`,
  message: { offset, body, envelope: createEnvelope({ tenant: 'acme', rejected: [1, 4], recordCount: 9 }) },
})

for (const client of CLIENTS) {
  test(`${client}: whole, with its reason and its place, while other messages are sent`, async () => {
    const { topic } = configOf(client)
    const log = await open(configOf(client, { topic }))
    await joinAndHold(log)
    const large = Buffer.alloc(20 * 1024 * 1024, 'x')
    const appends = Array.from({ length: 50 }, () => log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.from('between') }))
    await log.setAside([letter(3, Buffer.from('three')), letter(4, large)])
    await Promise.all(appends)
    await log.setAside([letter(5, Buffer.from('five'))])
    const kept = await readAll(`${topic}.dead-letters`, 3)
    expect(
      kept.map(({ value, headers }) => [value.length, headers.reason, headers.detail, headers.log, headers.partition, headers.offset]),
    ).toEqual(
      [
        [5, '3'],
        [large.length, '4'],
        [4, '5'],
      ].map(([length, offset]) => [length, 'decode_failed', `why ${offset}`, log.logId, '1', offset]),
    )
    expect(decodeEnvelope(kept[0].envelope)).toMatchObject({ tenant: 'acme', rejected: [1, 4], recordCount: 9 })
    expect(await settingsOf(`${topic}.dead-letters`)).toMatchObject({ 'retention.ms': String(30 * 86_400_000) })
    expect(await log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.from('behind') })).toEqual({
      partition: 0,
      offset: 50,
    })
  })

  test(`${client}: one that a topic of others does not take stands in nobody's way`, async () => {
    const { topic } = configOf(client)
    await createTopic(`${topic}.dead-letters`, 3, { 'max.message.bytes': '100000' })
    const log = await open(configOf(client, { topic }))
    await log.setAside([letter(1, Buffer.alloc(200_000, 'x'))])
    await log.setAside([letter(2, Buffer.from('two'))])
    expect((await readAll(`${topic}.dead-letters`, 1)).map(({ headers }) => headers.offset)).toEqual(['2'])
  })
}
