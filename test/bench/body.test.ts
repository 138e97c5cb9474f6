import { describe, expect, it } from 'vitest'
import { createCorpus } from '../../bench/load/body.ts'
import { COMPRESSIONS, inflate, prepareBodies } from '../../bench/load/encoded.ts'
import { createAttemptCounter } from '../../bench/peers/attempt-counter.ts'
import { scan } from '../../ingest/scan.ts'

const NOW = 1_800_000_000_123
describe.each(['protobuf', 'json'] as const)('a body of a load in %s', (format) => {
  const corpus = createCorpus({ records: 20, resources: 3, run: 'test', format })
  it('is one that ingest takes, with every record', () => {
    expect(scan(corpus.body(7, NOW), `otlp_${format}`).walk).toMatchObject({ ok: true, recordCount: 20, rejected: [] })
  })
  it("is known again by its attempt, and one changed byte makes it nobody's", () => {
    const body = corpus.body(1_234_567, NOW)
    expect(corpus.attemptOf(body)).toBe(1_234_567)
    for (const at of [3, Math.floor(body.length / 2), body.length - 1]) {
      const changed = Buffer.from(body)
      changed[at] ^= 1
      expect(corpus.attemptOf(changed)).toBeNull()
    }
    expect(corpus.attemptOf(body.subarray(1))).toBeNull()
  })
  it('is stamped in place as it would be made anew', () => {
    const buffer = corpus.body(1, NOW)
    corpus.stamp(buffer, 9_876_543_210, NOW + 5)
    expect(buffer).toEqual(corpus.body(9_876_543_210, NOW + 5))
  })
  it.each(COMPRESSIONS)('comes out of %s as it went in', (compression) => {
    const bodies = prepareBodies(corpus, compression, { first: 40, count: 3 })
    expect([40, 41, 42].map((attempt) => corpus.attemptOf(inflate[compression](bodies.take(0, attempt, NOW))))).toEqual([40, 41, 42])
  })
})

it('the content of an attempt does not depend on its encoding, and changes with what is in it', () => {
  const content = (records: number, format: 'protobuf' | 'json', servicePrefix?: string): number =>
    createCorpus({ records, resources: 2, run: 'x', format, servicePrefix }).content
  expect(content(10, 'json')).toBe(content(10, 'protobuf'))
  expect(new Set([content(10, 'json'), content(11, 'json'), content(10, 'json', 'other')]).size).toBe(3)
})

describe('records that somebody has put together anew', () => {
  const corpus = createCorpus({ records: 300, resources: 2, run: 'test' })
  it('are counted by attempt and index, those that come twice too', () => {
    const counter = createAttemptCounter()
    counter.add(Buffer.concat([corpus.body(1, NOW), corpus.body(2, NOW)]))
    counter.add(corpus.body(2, NOW))
    expect(counter.records()).toBe(900)
    expect(counter.attempts('test')).toEqual([
      { attempt: 1, records: 300, distinct: 300, isAltered: false },
      { attempt: 2, records: 600, distinct: 300, isAltered: false },
    ])
    expect(counter.attempts('other')).toEqual([])
  })
  it('are counted where values stand before their keys, as the Collector writes them', () => {
    const turned = (body: Buffer): Buffer => {
      // Each attribute is 32 len [0a len key] [12 len value]: the two change places.
      const out = Buffer.from(body)
      for (const key of ['attempt.id', 'attempt.index']) {
        const needle = Buffer.from(key)
        for (let at = body.indexOf(needle); at >= 0; at = body.indexOf(needle, at + 1)) {
          const [start, keyEnd] = [at - 2, at + needle.length]
          const end = keyEnd + 2 + body[keyEnd + 1]
          Buffer.concat([body.subarray(keyEnd, end), body.subarray(start, keyEnd)]).copy(out, start)
        }
      }
      return out
    }
    const counter = createAttemptCounter()
    counter.add(turned(corpus.body(5, NOW)))
    expect(counter.attempts('test')).toEqual([{ attempt: 5, records: 300, distinct: 300, isAltered: false }])
  })
})
