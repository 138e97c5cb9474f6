// What every EventLog must do, whatever carries it. An implementation's test file calls this with a factory.
// Nothing here assumes that the log is local: only the contract's own functions are used.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GroupState, LogMessage } from '../../streams/contracts/consumer-group.ts'
import type { EventLog, NewMessage } from '../../streams/contracts/event-log.ts'
import { createEnvelope } from '../support/envelopes.ts'
import { withMember, type MemberLog } from '../support/log-member.ts'

/** A place that keeps a log across close and open; two logs opened on it at once see one another's messages. */
export interface EventLogPlace {
  /** Two partitions, one group: 'analytics'. Retention: one hour. */
  open(): Promise<EventLog>
  remove(): Promise<void>
}

const PLENTY = { maxBytes: 64 * 1024 * 1024, maxMessages: 100_000 }

const message = (partition: number, text: string, receivedAtMs = 1_700_000_000_000): NewMessage => ({
  partition,
  envelope: createEnvelope({ receivedAtMs, subject: `s-${text}` }),
  body: Buffer.from(text),
})

const texts = (messages: readonly LogMessage[]): string[] => messages.map(({ body }) => Buffer.from(body).toString())
const at = (offset: number, changes: Partial<GroupState> = {}): GroupState => ({ offset, open: [], note: '', ...changes })
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: { name: string; code: string }) => [error.name, error.code],
  )

/** `retains`: retention is the log's own, and so are the bytes that it can tell. */
export const describeEventLog = (
  name: string,
  createPlace: () => Promise<EventLogPlace>,
  { retains }: { readonly retains: boolean } = { retains: true },
): void => {
  describe(`event log: ${name}`, () => {
    let place: EventLogPlace
    let log: MemberLog
    const opened: MemberLog[] = []
    const open = async (): Promise<MemberLog> => {
      const one = withMember(await place.open())
      opened.push(one)
      return one
    }
    const append = async (count: number, partition = 0): Promise<void> => {
      await Promise.all(Array.from({ length: count }, (_, n) => log.append(message(partition, `m${n}`))))
    }

    beforeEach(async () => {
      place = await createPlace()
      log = await open()
    })
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
      await place.remove()
    })

    test('offsets of a partition are contiguous from 0 and given in the order of the appends', async () => {
      const positions = await Promise.all(Array.from({ length: 300 }, (_, n) => log.append(message(n % 2, `m${n}`))))
      for (const partition of [0, 1]) {
        const own = positions.filter((position) => position.partition === partition)
        expect(own.map(({ offset }) => offset)).toEqual(Array.from({ length: 150 }, (_, n) => n))
        const read = await log.read({ partition, from: 0, ...PLENTY })
        expect(read.map(({ offset }) => offset)).toEqual(own.map(({ offset }) => offset))
        expect(texts(read)).toEqual(own.map((_, n) => `m${2 * n + partition}`))
      }
    })

    test('envelope and body come back byte for byte, empty and large bodies too', async () => {
      const bodies = [
        new Uint8Array(0),
        Uint8Array.from({ length: 256 }, (_, n) => n),
        Buffer.alloc(3_000_000, 'large '),
        Buffer.alloc(2000, 7),
        Buffer.alloc(33_000, 8),
      ]
      const envelope = createEnvelope({
        signal: 'heartbeat',
        format: 'none',
        compression: 'zstd',
        tenant: 'tenant-ü',
        recordCount: 9,
        rejected: [0, 3, 400_000],
        inflatedBytes: 5e9,
        expandedBytes: 6e9,
        subject: 'monitor-1',
      })
      for (const body of bodies) await log.append({ partition: 0, envelope, body })
      const read = await log.read({ partition: 0, from: 0, ...PLENTY })
      expect(read.map((one) => one.envelope)).toEqual(bodies.map(() => envelope))
      for (const [n, body] of bodies.entries()) expect(Buffer.compare(read[n].body, body)).toBe(0)
    })

    test('a body that was read belongs to the reader alone', async () => {
      await append(3)
      const first = await log.read({ partition: 0, from: 0, ...PLENTY })
      for (const { body } of first) {
        expect(body.byteOffset).toBe(0)
        expect(body.buffer.byteLength).toBe(body.byteLength)
      }
      first[0].body.fill(0)
      structuredClone(first[1].body, { transfer: [first[1].body.buffer as ArrayBuffer] })
      expect(texts(await log.read({ partition: 0, from: 0, ...PLENTY }))).toEqual(['m0', 'm1', 'm2'])
      expect(texts(first.slice(2))).toEqual(['m2'])
    })

    test('the appender may reuse its buffer once the append has resolved', async () => {
      const buffer = Buffer.alloc(5000, 'a')
      await log.append({ partition: 0, envelope: createEnvelope(), body: buffer })
      buffer.fill('b')
      const [read] = await log.read({ partition: 0, from: 0, ...PLENTY })
      expect(Buffer.compare(read.body, Buffer.alloc(5000, 'a'))).toBe(0)
    })

    test('a read starts at `from`, keeps to its limits, gives at least one message, and is empty at the end', async () => {
      await append(10)
      expect(texts(await log.read({ partition: 0, from: 4, maxBytes: PLENTY.maxBytes, maxMessages: 3 }))).toEqual(['m4', 'm5', 'm6'])
      expect(texts(await log.read({ partition: 0, from: 4, maxBytes: 1, maxMessages: 100 }))).toEqual(['m4'])
      const some = await log.read({ partition: 0, from: 0, maxBytes: 250, maxMessages: 100 })
      expect(some.length).toBeGreaterThan(0)
      expect(some.length).toBeLessThan(10)
      expect(await log.read({ partition: 0, from: 10, ...PLENTY })).toEqual([])
      expect(await log.read({ partition: 1, from: 0, ...PLENTY })).toEqual([])
    })

    test('waitFor resolves at once when there is something, on a later append, and at its time-out', async () => {
      await append(1)
      const started = performance.now()
      await log.waitFor(0, 0, 10_000)
      expect(performance.now() - started).toBeLessThan(5000)
      let woken = false
      const waiting = log.waitFor(0, 1, 20_000).then(() => {
        woken = true
      })
      await log.append(message(1, 'another partition'))
      await log.waitFor(0, 1, 60)
      expect(woken).toBe(false)
      await log.append(message(0, 'm1'))
      await waiting
      expect(texts(await log.read({ partition: 0, from: 1, ...PLENTY }))).toEqual(['m1'])
    })

    test('two open instances share one log: id, messages, wake-ups and commits', async () => {
      const other = await open()
      expect(other.logId).toBe(log.logId)
      const waiting = other.waitFor(0, 0, 20_000)
      await log.append(message(0, 'from the first'))
      await waiting
      expect(texts(await other.read({ partition: 0, from: 0, ...PLENTY }))).toEqual(['from the first'])
      await other.commit('analytics', 0, at(1, { note: 'n' }))
      expect(await log.state('analytics', 0)).toEqual(at(1, { note: 'n' }))
    })

    test('two instances that append at once never share or skip an offset', async () => {
      const other = await open()
      const positions = await Promise.all(
        Array.from({ length: 400 }, async (_, n) => {
          if (n % 7 === 0)
            await new Promise((resolve) => {
              setImmediate(resolve)
            })
          return (n % 2 === 0 ? log : other).append(message(0, `m${n}`))
        }),
      )
      const read = await log.read({ partition: 0, from: 0, ...PLENTY })
      expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 400 }, (_, n) => n))
      for (const [n, { offset }] of positions.entries()) expect(texts([read[offset]])).toEqual([`m${n}`])
    })

    test('the log id is 32 hex digits, stays over reopening, and differs between logs', async () => {
      const elsewhere = await createPlace()
      const another = await elsewhere.open()
      expect(log.logId).toMatch(/^[0-9a-f]{32}$/)
      expect(another.logId).not.toBe(log.logId)
      await another.close()
      await elsewhere.remove()
      await log.close()
      expect((await open()).logId).toBe(log.logId)
    })

    test('messages and group state survive close and open; offsets go on', async () => {
      await append(5)
      const state = at(2, {
        open: [
          { first: 2, last: 2 },
          { first: 3, last: 4 },
        ],
        note: 'consumed: 5 "ü"',
      })
      await log.commit('analytics', 0, state)
      await log.close()
      log = await open()
      expect(texts(await log.read({ partition: 0, from: 0, ...PLENTY }))).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'])
      expect(await log.state('analytics', 0)).toEqual(state)
      expect((await log.append(message(0, 'm5'))).offset).toBe(5)
    })

    test('a group that never committed starts at the beginning with nothing open', async () => {
      await append(2)
      expect(await log.state('analytics', 0)).toEqual(at(0))
    })

    test('an intent keeps the offset and adds a range; a commit replaces offset, ranges and note at once, per partition', async () => {
      await append(9)
      await log.commit('analytics', 0, at(0, { open: [{ first: 0, last: 3 }] }))
      await log.commit(
        'analytics',
        0,
        at(0, {
          open: [
            { first: 0, last: 3 },
            { first: 4, last: 5 },
          ],
        }),
      )
      expect((await log.state('analytics', 0)).open).toEqual([
        { first: 0, last: 3 },
        { first: 4, last: 5 },
      ])
      await log.commit('analytics', 0, at(4, { open: [{ first: 4, last: 5 }], note: 'x' }))
      expect(await log.state('analytics', 0)).toEqual(at(4, { open: [{ first: 4, last: 5 }], note: 'x' }))
      expect(await log.state('analytics', 1)).toEqual(at(0))
    })

    test('open ranges that are not contiguous from the offset, or more than 4, are refused', async () => {
      await append(9)
      await expect(log.commit('analytics', 0, at(1, { open: [{ first: 2, last: 3 }] }))).rejects.toThrow(RangeError)
      await expect(log.commit('analytics', 0, at(0, { open: [0, 1, 2, 3, 4].map((n) => ({ first: n, last: n })) }))).rejects.toThrow(
        RangeError,
      )
      expect(await log.state('analytics', 0)).toEqual(at(0))
    })

    test('lag names end, commit, the receive time of the first uncommitted message, and uncommitted bytes', async () => {
      for (let n = 0; n < 4; n++) await log.append(message(0, 'x'.repeat(1000), 1_700_000_000_000 + n))
      const [before] = await log.lag('analytics')
      expect(before).toMatchObject({ partition: 0, end: 4, committed: 0, oldestReceivedAtMs: 1_700_000_000_000 })
      if (retains) expect(before.bytes).toBeGreaterThanOrEqual(4000)
      else expect(before.bytes).toBeNull()
      await log.commit('analytics', 0, at(3))
      const [after, other] = await log.lag('analytics')
      expect(after).toMatchObject({ end: 4, committed: 3, oldestReceivedAtMs: 1_700_000_000_003 })
      if (retains) expect(after.bytes).toBeLessThan(before.bytes! / 2)
      expect(other).toEqual({ partition: 1, end: 0, committed: 0, oldestReceivedAtMs: null, bytes: retains ? 0 : null })
      await log.commit('analytics', 0, at(4))
      expect((await log.lag('analytics'))[0]).toMatchObject({ end: 4, committed: 4, oldestReceivedAtMs: null, bytes: retains ? 0 : null })
    })

    if (retains)
      test('trim drops what is too old and committed, and nothing else', async () => {
        const now = Date.now()
        for (let n = 0; n < 6; n++) await log.append(message(0, `m${n}`, n < 4 ? now - 2 * 3_600_000 : now))
        expect(await log.trim(now)).toBe(0)
        await log.commit('analytics', 0, at(2))
        expect(await log.trim(now)).toBeGreaterThan(0)
        expect(texts(await log.read({ partition: 0, from: 0, ...PLENTY }))).toEqual(['m2', 'm3', 'm4', 'm5'])
        await log.commit('analytics', 0, at(6))
        await log.trim(now)
        const read = await log.read({ partition: 0, from: 0, ...PLENTY })
        expect(read.map(({ offset }) => offset)).toEqual([4, 5])
        expect((await log.append(message(0, 'm6'))).offset).toBe(6)
      })

    test('appends accepted before close become durable; everything after close is LOG_CLOSED', async () => {
      const accepted = Array.from({ length: 20 }, (_, n) => log.append(message(0, `m${n}`)))
      const closing = log.close()
      expect(await codeOf(log.append(message(0, 'late')))).toEqual(['TransientError', 'LOG_CLOSED'])
      await Promise.all(accepted)
      await closing
      await log.close()
      expect(await codeOf(log.read({ partition: 0, from: 0, ...PLENTY }))).toEqual(['TransientError', 'LOG_CLOSED'])
      expect(await codeOf(log.commit('analytics', 0, at(0)))).toEqual(['TransientError', 'LOG_CLOSED'])
      log = await open()
      expect(await log.read({ partition: 0, from: 0, ...PLENTY })).toHaveLength(20)
    })

    test('close ends a wait', async () => {
      await log.read({ partition: 0, from: 0, ...PLENTY })
      const waiting = log.waitFor(0, 0, 60_000)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      await log.close()
      await waiting
    })
  })
}
