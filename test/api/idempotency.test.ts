// A call under an Idempotency-Key has one effect and one answer, however often, however simultaneously it is sent, and whatever fails meanwhile.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { Sql, Store } from '../../api/store/store.ts'
import { addOwner, bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  await addOwner(api.store)
})
afterAll(async () => {
  await api.close()
})

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET'
interface Options {
  readonly who?: string
  readonly method?: Method
  readonly url?: string
  readonly payload?: string | object
  readonly on?: Harness
}
const call = async (key: string | null, { who = 'owner', method = 'POST', url = '/api/v1/monitors', payload, on = api }: Options = {}) => {
  const headers = {
    ...bearer(who),
    ...(key === null ? {} : { 'idempotency-key': key }),
    ...(typeof payload === 'string' ? { 'content-type': 'application/json' } : {}),
  }
  const reply = await on.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
  return {
    status: reply.statusCode,
    body: reply.body,
    code: reply.body.startsWith('{') ? reply.json<{ code?: string }>().code : undefined,
    replayed: reply.headers['idempotent-replayed'] === 'true',
    headers: reply.headers,
  }
}
const monitor = (name: string) => ({ name, type: 'heartbeat', intervalSec: 60 })
const monitorsNamed = async (name: string): Promise<number> =>
  (await api.store.query('SELECT 1 FROM monitors WHERE name = $1', [name])).length
const auditRows = async (): Promise<number> => (await api.store.query<{ n: number }>('SELECT count(*) AS n FROM audit_log'))[0].n

describe('a repeat under the same key', () => {
  it('gets the first answer byte for byte, marked, and changes nothing', async () => {
    const first = await call('a-1', { payload: monitor('once') })
    const audited = await auditRows()
    const second = await call('a-1', { payload: monitor('once') })
    expect([first.status, first.replayed, second.status, second.replayed]).toEqual([201, false, 201, true])
    expect(second.body).toBe(first.body)
    for (const name of ['content-type', 'location']) expect([name, second.headers[name]]).toEqual([name, first.headers[name]])
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id'])
    expect([await monitorsNamed('once'), await auditRows()]).toEqual([1, audited])
  })

  it('in quotes, as the IETF draft writes it, is the same key; another token has keys of its own', async () => {
    await call('a-2', { payload: monitor('quoted') })
    expect((await call('"a-2"', { payload: monitor('quoted') })).replayed).toBe(true)
    expect(await call('a-2', { who: 'capped', payload: monitor('quoted') })).toMatchObject({
      replayed: false,
      code: 'MONITOR_NAME_DUPLICATE',
    })
  })

  it('of an answer without a body has none either', async () => {
    const { id } = JSON.parse((await call(null, { payload: monitor('to delete') })).body) as { id: string }
    const gone = [
      await call('a-3', { method: 'DELETE', url: `/api/v1/monitors/${id}` }),
      await call('a-3', { method: 'DELETE', url: `/api/v1/monitors/${id}` }),
    ]
    expect(gone.map(({ status, body, replayed }) => [status, body, replayed])).toEqual([
      [204, '', false],
      [204, '', true],
    ])
    expect(gone[1].headers['x-undo']).toBe(gone[0].headers['x-undo'])
    expect((await call('a-4', { method: 'DELETE', url: `/api/v1/monitors/${id}` })).status).toBe(404)
  })

  it('of a call that was refused for what it says is refused with the very same bytes', async () => {
    const wrong = [
      { payload: { name: 'n' } },
      { payload: monitor('once') },
      { method: 'PATCH' as const, url: '/api/v1/monitors/none', payload: { name: 'n' } },
    ]
    for (const [index, one] of wrong.entries()) {
      const [first, second] = [await call(`a-5-${index}`, one), await call(`a-5-${index}`, one)]
      expect([first.status, second.body, second.replayed]).toEqual([[400, 409, 404][index], first.body, true])
    }
  })

  it('is carried out again when the first was refused for who called, or failed', async () => {
    const viewer = { who: 'viewer', payload: monitor('n') }
    expect([(await call('a-6', viewer)).status, (await call('a-6', viewer)).replayed]).toEqual([403, false])
    const beyond = { who: 'monitors', url: '/api/v1/me/tokens', payload: { name: 'n', scopes: ['*'] } }
    expect([(await call('a-9', beyond)).status, (await call('a-9', beyond)).replayed]).toEqual([403, false])
    expect([
      (await call('a-7', { who: 'spent', payload: monitor('n') })).status,
      (await call('a-7', { who: 'spent', payload: monitor('n') })).replayed,
    ]).toEqual([429, false])
  })

  it('a day later is a new call', async () => {
    await call('a-8', { payload: monitor('daily') })
    api.nowMs = NOW + 86_400_000
    expect(await call('a-8', { payload: monitor('daily') })).toMatchObject({ status: 409, code: 'MONITOR_NAME_DUPLICATE', replayed: false })
    expect((await call('a-8', { payload: monitor('daily') })).replayed).toBe(true)
    api.nowMs = NOW
  })
})

describe('the same key for another call', () => {
  it('is refused, whatever differs: method, path, query or a byte of the body; the order of the query does not count', async () => {
    const { id } = JSON.parse((await call('b-1', { payload: monitor('first') })).body) as { id: string }
    const others: Options[] = [
      { payload: monitor('second') },
      { payload: `${JSON.stringify(monitor('first'))} ` },
      { method: 'PATCH', url: `/api/v1/monitors/${id}`, payload: monitor('first') },
      { url: '/api/v1/me/tokens', payload: monitor('first') },
      { url: '/api/v1/monitors?x=1', payload: monitor('first') },
    ]
    for (const other of others)
      expect(await call('b-1', other)).toMatchObject({ status: 409, code: 'IDEMPOTENCY_KEY_REPLAY_CONFLICT', replayed: false })
    expect((await call('b-1', { payload: monitor('first') })).replayed).toBe(true)
    await call('b-2', { url: '/api/v1/monitors?b=1&a=2', payload: monitor('query') })
    expect((await call('b-2', { url: '/api/v1/monitors?a=2&b=1', payload: monitor('query') })).replayed).toBe(true)
  })
})

describe('a key', () => {
  it('is printable, of 1 to 255 characters, and means nothing to a read', async () => {
    expect((await call('x'.repeat(255), { payload: monitor('longest') })).status).toBe(201)
    expect((await call('x'.repeat(256), { payload: monitor('n') })).code).toBe('IDEMPOTENCY_KEY_TOO_LONG')
    for (const key of ['', '""', 'ü']) expect((await call(key, { payload: monitor('n') })).code).toBe('VALIDATION_FAILED')
    for (let n = 0; n < 2; n++)
      expect(await call('c-1', { method: 'GET', url: '/api/v1/monitors' })).toMatchObject({ status: 200, replayed: false })
  })

  it('and a secret that was answered under it are not readable in the store, not even by the key without the server', async () => {
    const made = JSON.parse((await call('c-secret-key', { url: '/api/v1/me/tokens', payload: { name: 'bot' } })).body) as { token: string }
    expect(made.token).toMatch(/^obs_/)
    expect(
      (JSON.parse((await call('c-secret-key', { url: '/api/v1/me/tokens', payload: { name: 'bot' } })).body) as { token: string }).token,
    ).toBe(made.token)
    const kept = JSON.stringify(await api.store.query('SELECT * FROM idempotency_answers'))
    for (const secret of [made.token, made.token.slice(4), Buffer.from(made.token).toString('base64').slice(0, 40), 'c-secret-key'])
      expect(kept).not.toContain(secret)
  })
})

describe('100 calls at once under one key', () => {
  it('have one effect and one answer: all others are told to come again, and get it', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        for (;;) {
          const answer = await call('d-1', { payload: monitor('storm') })
          // 503 is what a call is told whose answer is late.
          if (answer.code !== 'IDEMPOTENCY_IN_PROGRESS' && answer.status !== 503) return answer
          expect(answer.headers['retry-after']).toBe('1')
          await new Promise((resolve) => {
            setTimeout(resolve, 20)
          })
        }
      }),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect([answers[0].status, answers.filter(({ replayed }) => !replayed).length <= 1, await monitorsNamed('storm')]).toEqual([
      201,
      true,
      1,
    ])
    expect(
      await api.store.query("SELECT 1 FROM audit_log WHERE action = 'CREATE_MONITOR' AND meta->'diff'->'name'->>'to' = 'storm'"),
    ).toHaveLength(1)
  })
})

describe('effect and answer', () => {
  /** The store, with a statement that fails. */
  const failing = (fails: (sql: string) => boolean): Store => {
    const guard = (sql: Sql): Sql => ({
      query: async (text, params) => {
        if (fails(text)) throw new TransientError('STORE_UNAVAILABLE', 'cut')
        return await sql.query(text, params)
      },
    })
    return { ...api.store, query: guard(api.store).query, transaction: (run) => api.store.transaction((sql) => run(guard(sql))) }
  }

  it('are both there or neither: an answer that cannot be kept undoes its effect, audit row and count', async () => {
    const other = await openHarness(failing((sql) => sql.startsWith('INSERT INTO idempotency_answers')))
    const before = await auditRows()
    expect((await call('e-1', { who: 'capped', payload: monitor('torn'), on: other })).status).toBe(503)
    expect([
      await monitorsNamed('torn'),
      await auditRows(),
      await api.store.query("SELECT 1 FROM token_usage WHERE token_id = 'pat_capped'"),
    ]).toEqual([0, before, []])
    expect(await call('e-1', { who: 'capped', payload: monitor('torn') })).toMatchObject({ status: 201, replayed: false })
    await other.app.close()
  })

  it('an effect that fails keeps no answer, and the key is free for the repeat', async () => {
    let broken = true
    const other = await openHarness(failing((sql) => broken && sql.startsWith('INSERT INTO audit_log')))
    expect((await call('e-2', { payload: monitor('later'), on: other })).status).toBe(503)
    broken = false
    expect(await call('e-2', { payload: monitor('later'), on: other })).toMatchObject({ status: 201, replayed: false })
    await other.app.close()
  })
})
