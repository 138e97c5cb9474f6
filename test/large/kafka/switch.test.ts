// From one client to the other and back over a live topic: one log, one group; nothing is lost, doubled or out of place.
import { expect, test } from 'vitest'
import type { GroupState } from '../../../streams/contracts/consumer-group.ts'
import type { Position } from '../../../streams/contracts/event-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { CLIENTS, configOf } from './log.ts'
import { joinAndHold, openAndClose, until } from './members.ts'

const open = openAndClose()

test('each client goes on where the other stopped, as the same log and in the same group, while both append', async () => {
  const config = configOf('platformatic')
  const logs = await Promise.all(CLIENTS.map((client) => open({ ...config, client })))
  expect(new Set(logs.map(({ logId }) => logId)).size).toBe(1)
  const acknowledged = new Map<string, Position>()
  let isOver = false
  const appending = logs.map(async (log, which) => {
    for (let n = 0; !isOver; n++) {
      const text = `${which}:${n}`
      acknowledged.set(text, await log.append({ partition: n % 2, envelope: createEnvelope(), body: Buffer.from(text) }))
    }
  })
  const read: (readonly [number, number, string])[] = []
  for (const log of [...logs, ...logs]) {
    const member = await joinAndHold(log)
    await until(() => member.held.size === 2, 'it has both partitions')
    for (const assignment of member.held.values()) {
      // What the one before recorded, by whichever client, is where this one begins: its open range first.
      const state = await assignment.state()
      let offset = state.offset
      for (const { first, last } of state.open) {
        expect(first).toBe(offset)
        offset = last + 1
      }
      for (const end = offset + 50; offset < end;) {
        const messages = await assignment.read({ from: offset, maxBytes: 1_000_000, maxMessages: end - offset })
        if (messages.length === 0) await assignment.waitFor(offset, 500)
        read.push(...messages.map((one) => [assignment.partition, one.offset, Buffer.from(one.body).toString()] as const))
        offset += messages.length
      }
      const next: GroupState = { offset: offset - 10, open: [{ first: offset - 10, last: offset - 1 }], note: `after ${offset}` }
      await assignment.commit(next)
      expect(await log.state('analytics', assignment.partition)).toEqual(next)
    }
    await member.membership.close()
  }
  isOver = true
  await Promise.all(appending)
  expect(read).toHaveLength(2 * 50 * 4)
  expect(new Set(read.map(([, , text]) => text)).size).toBe(read.length)
  for (const [partition, offset, text] of read) if (acknowledged.has(text)) expect(acknowledged.get(text)).toEqual({ partition, offset })
  for (const partition of [0, 1])
    expect(read.filter(([one]) => one === partition).map(([, offset]) => offset)).toEqual(Array.from({ length: 200 }, (_, n) => n))
}, 90_000)

test('members of both clients share one group', async () => {
  const config = configOf('platformatic', { partitions: 4 })
  const members = await Promise.all(CLIENTS.map(async (client) => await joinAndHold(await open({ ...config, client }))))
  await until(() => members.every(({ held }) => held.size === 2), 'they share')
  expect(members.flatMap(({ held }) => [...held.keys()]).toSorted()).toEqual([0, 1, 2, 3])
  await members[0].membership.close()
  await until(() => members[1].held.size === 4, 'the other has all')
})
