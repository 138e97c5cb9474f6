// A broker that is killed, or stands still, under load: what was acknowledged is there once and where it was said to be; what was
// not is there at most once; what waits is bounded. The broker is the test's own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventLog, Position } from '../../../streams/contracts/event-log.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { startKafka, type KafkaBroker } from '../../support/kafka-broker.ts'
import { CLIENTS, configOf } from './log.ts'
import { codeOf, joinAndHold, openAndClose, until } from './members.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-kafka-faults-'))
let broker: KafkaBroker
beforeAll(async () => {
  broker = await startKafka({ directory })
})
afterAll(async () => {
  await broker.stop()
  rmSync(directory, { recursive: true, force: true })
})
const openTo = openAndClose()
const open = (client: (typeof CLIENTS)[number], more: { readonly maxPendingBytes?: number } = {}): Promise<EventLog> =>
  openTo({ ...configOf(client), brokers: [broker.brokers], ...more })

/** Every message of every partition, as [partition, offset, text]. */
const readAll = async (log: EventLog): Promise<readonly (readonly [number, number, string])[]> => {
  const member = await joinAndHold(log)
  await until(() => member.held.size === log.partitions, 'all partitions are given')
  const found: (readonly [number, number, string])[] = []
  for (const { partition, end } of await log.lag('analytics')) {
    for (let from = 0; from < end;) {
      const messages = await member.held.get(partition)!.read({ from, maxBytes: 1024 * 1024, maxMessages: 1000 })
      found.push(...messages.map(({ offset, body }) => [partition, offset, Buffer.from(body).toString().trimEnd()] as const))
      from = (messages.at(-1)?.offset ?? end) + 1
    }
  }
  await member.membership.close()
  return found
}

for (const client of CLIENTS) {
  test(`${client}: a broker that is killed under load loses nothing that was acknowledged, doubles nothing, and keeps each caller's order`, async () => {
    const log = await open(client)
    const acknowledged = new Map<string, Position>()
    let failed = 0
    let isOver = false
    // One caller waits for each answer before its next attempt; a failed attempt is never made again.
    const call = async (caller: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const text = `${caller}:${n}`
        try {
          acknowledged.set(text, await log.append({ partition: n % 2, envelope: createEnvelope(), body: Buffer.from(text.padEnd(2000)) }))
        } catch {
          failed += 1
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
    }
    const calls = Array.from({ length: 20 }, (_, caller) => call(caller))
    for (let round = 0; round < 2; round++) {
      const before = acknowledged.size
      await until(() => acknowledged.size > before + 2000, 'there is load')
      await broker.kill9()
      await broker.restart()
    }
    const before = acknowledged.size
    await until(() => acknowledged.size > before + 2000, 'it goes on', 40_000)
    isOver = true
    await Promise.all(calls)

    const found = await readAll(log)
    const places = new Map(found.map(([partition, offset, text]) => [text, { partition, offset }]))
    expect(places.size).toBe(found.length)
    const lost = [...acknowledged].filter(
      ([text, position]) => places.get(text)?.offset !== position.offset || places.get(text)?.partition !== position.partition,
    )
    expect(lost).toEqual([])
    expect(found.length).toBeLessThanOrEqual(acknowledged.size + failed)
    const last = new Map<string, number>()
    const disordered = found.filter(([partition, , text]) => {
      const [caller, n] = text.split(':')
      const key = `${caller}/${partition}`
      const isBack = Number(n) < (last.get(key) ?? -1)
      last.set(key, Number(n))
      return isBack
    })
    expect(disordered).toEqual([])
    console.log(`${client}: ${acknowledged.size} acknowledged, ${failed} not, over two kills`)
  }, 120_000)

  test(`${client}: a broker that stands still keeps what waits within its bound, refuses the rest at once, and acknowledges it when it goes on`, async () => {
    const log = await open(client, { maxPendingBytes: 1_000_000 })
    await log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.from('first') })
    const append = (n: number): Promise<Position> =>
      log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.alloc(100_000, `${n} `) })
    broker.signal('SIGSTOP')
    const waiting = Array.from({ length: 9 }, (_, n) => append(n))
    const started = performance.now()
    expect(await codeOf(append(9))).toBe('LOG_FULL')
    expect(performance.now() - started).toBeLessThan(100)
    await new Promise((resolve) => setTimeout(resolve, 5000))
    // Whoever asked has been told to come again by now; the bytes are still counted.
    expect(await codeOf(append(9))).toBe('LOG_FULL')
    broker.signal('SIGCONT')
    expect((await Promise.all(waiting)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect((await append(10)).offset).toBe(10)
  }, 60_000)

  test(`${client}: a log that is closed while its broker is away ends within the time that sends are tried, and holds no process up`, async () => {
    const log = await open(client)
    await joinAndHold(log)
    await log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.from('first') })
    await broker.kill9()
    try {
      const outcome = codeOf(log.append({ partition: 0, envelope: createEnvelope(), body: Buffer.from('second') }))
      const started = performance.now()
      await log.close()
      expect(await outcome).toBe('LOG_IO')
      expect(performance.now() - started).toBeLessThan(45_000)
    } finally {
      await broker.restart()
    }
  }, 90_000)
}
