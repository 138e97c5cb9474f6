// The daily cap of log bytes: one process never passes it, several pass it together by no more than what the others took since their reports.
import fc from 'fast-check'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogBudget, type LogBudget } from '../../ingest/log-budget.ts'
import type { LogBytesTotal, LogBytesUse } from '../../streams/contracts/log-bytes.ts'
import { CAPPED, send, startTestIngest, type Running } from './harness.ts'

const NOON = Date.UTC(2026, 0, 31, 12)
const cap = { tenant: 'a', tokenId: 't', limitBytes: 1000 }

/** What all processes report to. */
const createLedger = () => {
  const totals = new Map<string, number>()
  return {
    total: (day = '2026-01-31'): number => totals.get(day) ?? 0,
    add: (uses: readonly LogBytesUse[]): LogBytesTotal[] =>
      uses.map(({ tokenId, day, bytes }) => {
        totals.set(day, (totals.get(day) ?? 0) + bytes)
        return { tokenId, day, bytes: totals.get(day)! }
      }),
  }
}

describe('a budget', () => {
  it('takes all of a body or nothing, gives back what was not stored, and says what is left', () => {
    const charge = createLogBudget(() => NOON).charge(cap)
    expect([charge.refuse(), charge.take(600)]).toEqual([null, null])
    expect(charge.take(401)).toMatchObject({ status: 429, code: 'PAT_DAILY_LIMIT_EXCEEDED', headers: [['Retry-After', '43200']] })
    charge.giveBack(600)
    expect([charge.take(1000), charge.refuse()?.status]).toEqual([null, 429])
    expect(Object.fromEntries(charge.headers())).toEqual({
      'X-PAT-LogBytes-Limit': '1000',
      'X-PAT-LogBytes-Used': '1000',
      'X-PAT-LogBytes-Remaining': '0',
      'X-PAT-LogBytes-Reset': String(Date.UTC(2026, 1, 1) / 1000),
      'RateLimit-Policy': '"pat-log-bytes";q=1000;w=86400;qu="content-bytes"',
      RateLimit: '"pat-log-bytes";r=0;t=43200',
    })
    expect(createLogBudget(() => NOON).charge(null)).toMatchObject({ headers: expect.any(Function) })
    expect(
      createLogBudget(() => NOON)
        .charge(null)
        .take(1e12),
    ).toBeNull()
  })

  it('of the next day is whole, and what was taken before midnight is reported for its own day', () => {
    let now = Date.UTC(2026, 1, 1) - 1
    const budget = createLogBudget(() => now)
    budget.charge(cap).take(900)
    now++
    expect(budget.charge(cap).take(900)).toBeNull()
    expect(budget.takeReport()).toEqual([
      { tenant: 'a', tokenId: 't', day: '2026-01-31', bytes: 900 },
      { tenant: 'a', tokenId: 't', day: '2026-02-01', bytes: 900 },
    ])
  })

  it('starts where the day stood, and reports once at a time', () => {
    const budget = createLogBudget(() => NOON)
    budget.learn([{ tokenId: 't', day: '2026-01-31', bytes: 700 }])
    expect([budget.charge(cap).take(301)?.code, budget.charge(cap).take(100)]).toEqual(['PAT_DAILY_LIMIT_EXCEEDED', null])
    expect(budget.takeReport()).toHaveLength(1)
    budget.charge(cap).take(100)
    expect(budget.takeReport()).toBeNull()
    budget.learn([{ tokenId: 't', day: '2026-01-31', bytes: 800 }])
    expect(Object.fromEntries(budget.charge(cap).headers())['X-PAT-LogBytes-Used']).toBe('900')
    expect(budget.takeReport()).toEqual([{ tenant: 'a', tokenId: 't', day: '2026-01-31', bytes: 100 }])
  })
})

type Step =
  | { readonly kind: 'take'; readonly process: number; readonly bytes: number; readonly stored: boolean }
  | { readonly kind: 'report' | 'answer'; readonly process: number }
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('take' as const), process: fc.nat(2), bytes: fc.integer({ min: 1, max: 300 }), stored: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('report' as const, 'answer' as const), process: fc.nat(2) }),
  ),
  { maxLength: 120 },
)

describe('processes on one ledger', () => {
  const play = (sequence: readonly Step[], processes: number): { stored: number; bound: number; exact: boolean } => {
    const ledger = createLedger()
    const all = Array.from({ length: processes }, (): { budget: LogBudget; sent: readonly LogBytesUse[] | null; unheard: number } => ({
      budget: createLogBudget(() => NOON),
      sent: null,
      unheard: 0,
    }))
    let stored = 0
    let bound = cap.limitBytes
    const exchange = (one: (typeof all)[number], kind: 'report' | 'answer'): void => {
      if (kind === 'report') one.sent ??= one.budget.takeReport()
      else if (one.sent !== null) {
        one.budget.learn(ledger.add(one.sent))
        one.sent = null
        one.unheard = 0
      }
    }
    for (const step of sequence) {
      const one = all[step.process % processes]
      if (step.kind !== 'take') exchange(one, step.kind)
      else {
        const charge = one.budget.charge(cap)
        if (charge.take(step.bytes) !== null) continue
        if (!step.stored) {
          charge.giveBack(step.bytes)
          continue
        }
        stored += step.bytes
        for (const other of all) if (other !== one) other.unheard += step.bytes
        // Over by what the one that took it had not heard of.
        bound = Math.max(bound, cap.limitBytes + one.unheard)
      }
    }
    for (let round = 0; round < 3; round++)
      for (const one of all) {
        exchange(one, 'answer')
        exchange(one, 'report')
      }
    return { stored, bound, exact: ledger.total() === stored }
  }

  it('one never passes the cap, whenever it reports; what is reported is what was stored', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { stored, exact } = play(sequence, 1)
        expect([stored <= cap.limitBytes, exact]).toEqual([true, true])
      }),
      { numRuns: 500 },
    )
  })

  it('several pass it by at most what the others took since the last answer', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { stored, bound, exact } = play(sequence, 3)
        expect([stored <= bound, exact]).toEqual([true, true])
      }),
      { numRuns: 500 },
    )
  })
})

describe('ingest with a capped token', () => {
  let running: Running
  beforeAll(async () => {
    running = await startTestIngest()
  })
  afterAll(async () => {
    await running.ingest.close()
  })
  const auth = { authorization: `Bearer ${CAPPED}` }
  const event = (bytes: number): string => {
    const empty = JSON.stringify({ message: '' })
    return JSON.stringify({ message: 'x'.repeat(bytes - empty.length) })
  }
  const used = async (): Promise<number> =>
    Number(
      (await send(running.otlp, { path: '/api/v1/logs/ingest', headers: { ...auth, 'content-type': 'application/json' }, body: '{' }))
        .headers['x-pat-logbytes-used'],
    )

  it('counts bytes after inflation, tells what is left, and counts nothing that is refused', async () => {
    const body = event(200)
    const sent = await send(running.otlp, {
      path: '/api/v1/logs/ingest',
      headers: { ...auth, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(body),
    })
    expect([sent.status, sent.headers]).toEqual([
      200,
      expect.objectContaining({ 'x-pat-logbytes-limit': '1000', 'x-pat-logbytes-used': '200', 'x-pat-logbytes-remaining': '800' }),
    ])
    running.log.before = async () => {
      throw new Error('full')
    }
    expect(
      (await send(running.otlp, { path: '/api/v1/logs/ingest', headers: { ...auth, 'content-type': 'application/json' }, body })).status,
    ).toBe(503)
    running.log.before = null
    expect(await used()).toBe(200)
  })

  it('stores exactly as much as is left of 100 senders at once, and answers OTLP with google.rpc.Status and a long Retry-After', async () => {
    const before = running.log.messages.length
    const replies = await Promise.all(
      Array.from({ length: 100 }, () =>
        send(running.otlp, { path: '/api/v1/logs/ingest', headers: { ...auth, 'content-type': 'application/json' }, body: event(100) }),
      ),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(8)
    expect(running.log.messages.length - before).toBe(8)
    const refused = replies.find(({ status }) => status === 429)!
    expect([refused.json, Number(refused.headers['retry-after']) > 3 || Date.now() % 86_400_000 > 86_397_000]).toEqual([
      expect.objectContaining({ code: 'PAT_DAILY_LIMIT_EXCEEDED', hint: expect.any(String) }),
      true,
    ])
    const otlp = await send(running.otlp, {
      path: '/v1/logs',
      headers: { ...auth, 'content-type': 'application/json' },
      body: '{"resourceLogs":[]}',
    })
    expect([otlp.status, otlp.json, otlp.headers['x-pat-logbytes-remaining']]).toEqual([
      429,
      { code: 8, message: expect.stringContaining('1000 bytes of logs a day') },
      '0',
    ])
    expect(running.ingest.takeLogBytes()).toEqual([expect.objectContaining({ tenant: 'acme', tokenId: 't-capped', bytes: 1000 })])
  })

  it('tells what is left on refusals that read nothing too', async () => {
    for (const path of ['/v1/logs', '/api/v1/logs/ingest'])
      for (const headers of [
        { 'content-type': 'image/png' } as Record<string, string>,
        { 'content-type': 'application/json', 'content-encoding': 'nothing' },
      ]) {
        const refused = await send(running.otlp, { path, headers: { ...auth, ...headers }, body: '{}' })
        expect([path, refused.status, refused.headers['x-pat-logbytes-limit']]).toEqual([path, 415, '1000'])
      }
  })

  it('lets other tokens on', async () => {
    const other = await send(running.otlp, {
      path: '/api/v1/logs/ingest',
      headers: { authorization: `Bearer obs_${'a'.repeat(43)}`, 'content-type': 'application/json' },
      body: event(100),
    })
    expect([other.status, other.headers['x-pat-logbytes-limit']]).toEqual([200, undefined])
  })
})
