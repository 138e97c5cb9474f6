// The consumer group on a real broker: who has a partition, how it is handed on, and who may still record something.
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { GroupState } from '../../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../../streams/contracts/event-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { CLIENTS, configOf } from './log.ts'
import { codeOf, joinAndHold, openAndClose, until } from './members.ts'

const openTo = openAndClose()
const open = (...given: Parameters<typeof configOf>): Promise<EventLog> => openTo(configOf(...given))

const at = (offset: number, changes: Partial<GroupState> = {}): GroupState => ({ offset, open: [], note: '', ...changes })
const append = async (log: EventLog, count: number): Promise<void> => {
  for (let n = 0; n < count; n++)
    await log.append({ partition: n % log.partitions, envelope: createEnvelope(), body: Buffer.from(`m${n}`) })
}

// kafkajs has no static membership.
for (const client of CLIENTS) {
  test(`${client}: two members share the partitions, each has one member at a time, and who leaves gives up its own at once`, async () => {
    const { topic } = configOf(client)
    const more = { topic, partitions: 6 }
    const first = await joinAndHold(await open(client, more))
    await until(() => first.held.size === 6, 'the first member has all')
    const second = await joinAndHold(await open(client, more))
    await until(() => first.held.size === 3 && second.held.size === 3, 'they share')
    expect([...first.held.keys(), ...second.held.keys()].toSorted()).toEqual([0, 1, 2, 3, 4, 5])
    const started = performance.now()
    await first.membership.close()
    await until(() => second.held.size === 6, 'the second member has all')
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test(`${client}: what is in hand of a lost partition is finished and committed before another member begins`, async () => {
    const { topic } = configOf(client)
    const [one, two] = [await open(client, { topic }), await open(client, { topic })]
    await append(one, 8)
    const finished: number[] = []
    const first = await joinAndHold(one, async (assignment) => {
      await new Promise((resolve) => setTimeout(resolve, 1500))
      await assignment.commit(at(2, { note: 'finished by the first' }))
      finished.push(assignment.partition)
    })
    await until(() => first.held.size === 2, 'the first member has both')
    const notes: string[] = []
    const seen: number[] = []
    await two.join('analytics', async (assignment) => {
      seen.push(finished.length)
      notes.push((await assignment.state()).note)
      await new Promise<void>((resolve) => {
        assignment.lost.addEventListener(
          'abort',
          () => {
            resolve()
          },
          { once: true },
        )
      })
    })
    await until(() => notes.length > 0, 'the second member has one')
    expect(seen[0]).toBe(2)
    expect(notes[0]).toBe('finished by the first')
  })

  test(`${client}: a member whose process stood still is fenced: it records neither an intent nor a commit when it goes on`, async () => {
    const config = configOf(client)
    const log = await open(client, { topic: config.topic })
    await append(log, 20)
    const child = spawn(
      process.execPath,
      ['--no-warnings', fileURLToPath(new URL('member-child.ts', import.meta.url)), JSON.stringify(config)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    try {
      let said = ''
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString()
      })
      await until(() => said.split('committed').length > 4, 'the other process commits both partitions')
      child.kill('SIGSTOP')
      const heir = await joinAndHold(log)
      await until(() => heir.held.size === 2, 'this process has both')
      const mine = at(7, { open: [{ first: 7, last: 8 }], note: 'of the heir' })
      for (const assignment of heir.held.values()) await assignment.commit(mine)
      child.kill('SIGCONT')
      await until(() => said.split('FENCED').length > 2, 'both commits of the other process are refused')
      for (const partition of [0, 1]) expect(await log.state('analytics', partition)).toEqual(mine)
    } finally {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })

  if (client === 'platformatic')
    test(`${client}: under one instance id the later member has the partitions, and the earlier one is fenced`, async () => {
      const { topic } = configOf(client)
      const [one, two] = [await open(client, { topic, instanceId: 'worker-1' }), await open(client, { topic, instanceId: 'worker-1' })]
      await append(one, 4)
      const first = await joinAndHold(one)
      await until(() => first.held.size === 2, 'the first has both')
      const before = [...first.held.values()]
      await joinAndHold(two)
      // Both want the name from here on: whoever had it before is told so, or has lost the partition.
      await until(async () => (await codeOf(before[0].commit(at(1)))) === 'FENCED', 'the first is fenced')
      for (const assignment of before) expect(await codeOf(assignment.commit(at(1)))).toBe('FENCED')
    })

  if (client === 'platformatic')
    test(`${client}: under its instance id a member that was killed has its partitions again without waiting for its session to end`, async () => {
      const config = configOf(client, { instanceId: 'worker-2' })
      const child = spawn(
        process.execPath,
        ['--no-warnings', fileURLToPath(new URL('member-child.ts', import.meta.url)), JSON.stringify(config)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let said = ''
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString()
      })
      await until(() => said.split('committed').length > 2, 'the other process has the partitions')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const started = performance.now()
      const again = await joinAndHold(await open(client, config))
      await until(() => again.held.size === 2, 'both again')
      // The session is 6 s.
      expect(performance.now() - started).toBeLessThan(4500)
    })

  test(`${client}: the largest state that a worker may record is taken, and comes back`, async () => {
    const log = await open(client)
    await append(log, 2)
    const member = await joinAndHold(log)
    await until(() => member.held.size === 2, 'it has both')
    const offset = 9_007_199_254_000_000
    // 32 gaps in marks, four ranges with their deaths (`analytics/note.ts`).
    const marks = [1_999_999_999_999, ...Array.from({ length: 33 }, () => [1_999_999_999_999, 1_999_999_999_999])]
    const state = at(offset, {
      open: [0, 1, 2, 3].map((n) => ({ first: offset + 50_000 * n, last: offset + 50_000 * n + 49_999 })),
      note: JSON.stringify({ marks, deaths: [99, 99, 99, 99], closed: true }),
    })
    await member.held.get(0)!.commit(state)
    expect(await log.state('analytics', 0)).toEqual(state)
  })
}
