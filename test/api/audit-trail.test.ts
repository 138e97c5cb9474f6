// The audit trail: who did what by which agent, chained so that no row can be changed, taken out or slipped in unseen; no secret in it.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redactFields } from '../../api/services/redaction.ts'
import { addOwner, bearer, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  await addOwner(api.store)
  for (let n = 0; n < 6; n++) await change(`m${n}`, { 'x-agent-id': 'triage-bot', 'x-conversation-id': 'run:42' })
})
afterAll(async () => {
  await api.close()
})

const change = (name: string, headers: Record<string, string> = {}, who = 'owner') =>
  api.app.inject({
    method: 'POST',
    url: '/api/v1/monitors',
    headers: { ...bearer(who), ...headers },
    payload: { name, type: 'heartbeat', intervalSec: 60 },
  })
interface Row {
  readonly id: number
  readonly seq: number
  readonly agentId: string
  readonly conversationId: string
  readonly requestId: string
  readonly action: string
  readonly resource: string
}
const search = async (query: string, who = 'owner'): Promise<Row[]> =>
  (await api.app.inject({ url: `/api/v1/audit-logs?${query}`, headers: bearer(who) })).json<{ auditLogs: Row[] }>().auditLogs
const verify = async (query = '', who = 'owner') =>
  (await api.app.inject({ url: `/api/v1/audit-logs/verify${query}`, headers: bearer(who) })).json<Record<string, unknown>>()
/** What somebody with all rights on the database can do. */
const tamper = async (sql: string): Promise<void> => {
  await api.store.query('ALTER TABLE audit_log DISABLE TRIGGER USER')
  await api.store.query(sql)
  await api.store.query('ALTER TABLE audit_log ENABLE TRIGGER USER')
}

describe('a row', () => {
  it('tells agent, conversation and request, and is found by token, actor, agent, conversation, action and time', async () => {
    const made = await change('found', { 'x-agent-id': 'bot.v2', 'x-conversation-id': 'c-1' }, 'capped')
    const [row] = await search('pat_id=pat_capped')
    expect(row).toMatchObject({
      agentId: 'bot.v2',
      conversationId: 'c-1',
      requestId: made.headers['x-request-id'],
      action: 'CREATE_MONITOR',
    })
    for (const query of [
      'actor_pat_id=pat_capped',
      'actor=a@example.test&limit=1',
      'actor=user_a&limit=1',
      'action=CREATE_MONITOR&limit=1',
      'agent_id=bot.v2',
      'agent_id=bot.v2&conversation_id=c-1',
      'from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z&limit=1',
    ])
      expect([query, (await search(query))[0]]).toEqual([query, row])
    for (const query of [
      'pat_id=pat_b',
      'actor=b@example.test',
      'action=NOTHING',
      'agent_id=bot',
      'agent_id=bot.v2&conversation_id=c-2',
      'to=2020-01-01T00:00:00Z',
    ])
      expect([query, await search(query)]).toEqual([query, []])
  })

  it('is on one page only, however few a page has, as JSON, by the Link and as CSV', async () => {
    const query = 'agent_id=triage-bot&from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z'
    const all = (await search(`${query}&limit=1000`)).map((row) => row.id)
    const walked: number[] = []
    for (let url = `/api/v1/audit-logs?${query}&limit=2`; url !== '';) {
      const reply = await api.app.inject({ url, headers: bearer('owner') })
      const { auditLogs, nextCursor } = reply.json<{ auditLogs: Row[]; nextCursor?: string }>()
      walked.push(...auditLogs.map((row) => row.id))
      url = /^<(.+)>; rel="next"$/.exec(String(reply.headers.link ?? ''))?.[1] ?? ''
      expect(url.includes(`cursor=${nextCursor}`)).toBe(nextCursor !== undefined)
    }
    expect([walked.length > 4, walked]).toEqual([true, all])
    const csv = await api.app.inject({ url: `/api/v1/audit-logs?${query}&limit=2&format=csv`, headers: bearer('owner') })
    expect([csv.body.trim().split('\r\n').length, String(csv.headers.link)]).toEqual([
      3,
      expect.stringMatching(/^<\/api\/v1\/audit-logs\?.*format=csv&cursor=.+>; rel="next"$/),
    ])
    const { nextCursor } = (await api.app.inject({ url: `/api/v1/audit-logs?${query}&limit=2`, headers: bearer('owner') })).json<{
      nextCursor: string
    }>()
    expect(
      (await api.app.inject({ url: `/api/v1/audit-logs?agent_id=other&cursor=${nextCursor}`, headers: bearer('owner') })).json(),
    ).toMatchObject({ code: 'CURSOR_MISMATCH' })
  })

  it('tells the operation and, as a hash, the Idempotency-Key; the tool only where one was called, not where somebody says so', async () => {
    const made = await change('by key', { 'idempotency-key': '"k-99"', 'x-lapwing-tool': 'obs_forged', tool: 'obs_forged' })
    const [row] = (await api.app.inject({ url: '/api/v1/audit-logs?limit=1', headers: bearer('owner') })).json<{
      auditLogs: (Row & { meta: object })[]
    }>().auditLogs
    expect(row).toMatchObject({
      requestId: made.headers['x-request-id'],
      meta: { operation: 'createMonitor', idempotencyKeyHash: createHash('sha256').update('k-99').digest('hex').slice(0, 32) },
    })
    expect(JSON.stringify(row)).not.toMatch(/forged|k-99/)
    await change('without')
    const [other] = (await api.app.inject({ url: '/api/v1/audit-logs?limit=1', headers: bearer('owner') })).json<{
      auditLogs: { meta: object }[]
    }>().auditLogs
    expect([Object.hasOwn(other.meta, 'tool'), Object.hasOwn(other.meta, 'idempotencyKeyHash')]).toEqual([false, false])
  })

  it('of an agent whose label is none is not written: the call is refused', async () => {
    for (const value of ['', 'a b', 'x'.repeat(65), 'a\tb', 'a,b', '=cmd'])
      for (const header of ['x-agent-id', 'x-conversation-id']) {
        const reply = await change('label', { [header]: value })
        expect([header, value, reply.statusCode, reply.json()]).toEqual([
          header,
          value,
          400,
          expect.objectContaining({
            code: 'VALIDATION_FAILED',
            fields: [expect.objectContaining({ path: expect.stringMatching(new RegExp(header, 'i')) })],
          }),
        ])
      }
    expect((await change('longest label', { 'x-agent-id': 'x'.repeat(64) })).statusCode).toBe(201)
  })

  it('holds no secret: not by the name of a field, not in a text', async () => {
    const secret = `obs_${'s'.repeat(43)}`
    expect(
      redactFields({
        token: 'x',
        apiKey: { from: 1, to: 2 },
        note: { from: null, to: `use ${secret} now` },
        list: [secret],
        name: 'token',
      }),
    ).toEqual({
      token: { redacted: true },
      apiKey: { redacted: true },
      note: { from: null, to: 'use obs_[redacted] now' },
      list: ['obs_[redacted]'],
      name: 'token',
    })
    const { token } = (
      await api.app.inject({ method: 'POST', url: '/api/v1/me/tokens', headers: bearer('owner'), payload: { name: secret } })
    ).json<{ token: string }>()
    const all = JSON.stringify(await api.store.query('SELECT * FROM audit_log'))
    for (const text of [secret, token]) expect(all).not.toContain(text)
  })

  it('cannot be changed, deleted or truncated away', async () => {
    for (const sql of ["UPDATE audit_log SET action = 'X'", 'DELETE FROM audit_log', 'TRUNCATE audit_log'])
      await expect(api.store.query(sql)).rejects.toThrow('append-only')
  })
})

describe('as CSV', () => {
  it('no cell begins like a formula, and every quote is doubled', async () => {
    for (const name of ['=1+1', '+1', '-1', '@x', '"quoted", and more']) await change(name, { 'user-agent': '=cmd' })
    const reply = await api.app.inject({ url: '/api/v1/audit-logs?format=csv&limit=1000', headers: bearer('owner') })
    expect([reply.headers['content-type'], reply.headers['content-disposition']]).toEqual([
      'text/csv; charset=utf-8',
      'attachment; filename="audit-logs.csv"',
    ])
    const cells = [...reply.body.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]+))/g)].map(([, quoted, plain]) =>
      (quoted ?? plain).replaceAll('""', '"'),
    )
    expect(cells.length % 13).toBe(0)
    expect(cells.filter((text) => /^[=+\-@\t\r]/.test(text))).toEqual([])
    expect(reply.body.endsWith('\r\n')).toBe(true)
  })
})

describe('the chain', () => {
  it('is whole while changes are made at once, and is looked at in parts', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => change(`at once ${n}`)))
    const whole = await verify()
    const [{ n }] = await api.store.query<{ n: number }>("SELECT count(*) AS n FROM audit_log WHERE tenant = 'a'")
    expect(whole).toEqual({ valid: true, checked: n, head: { seq: n, hash: expect.stringMatching(/^[0-9a-f]{64}$/) } })
    expect(await verify('?limit=5')).toMatchObject({ valid: true, checked: 5, next: 5 })
    expect(await verify('?after=5')).toMatchObject({ valid: true, checked: n - 5 })
    expect(await verify('', 'other')).toMatchObject({ valid: true, checked: 0 })
  })

  it('names the first row that was changed, taken out or slipped in', async () => {
    const rowAt = async (seq: number): Promise<Row> => (await search('limit=1000')).find((row) => row.seq === seq)!
    const third = await rowAt(3)
    const broken = async () => (await verify()).firstBroken
    await tamper("UPDATE audit_log SET agent_id = 'somebody-else' WHERE seq = 3")
    expect(await broken()).toEqual({ id: third.id, seq: 3, fault: 'changed' })
    await tamper("UPDATE audit_log SET agent_id = 'triage-bot' WHERE seq = 3")
    expect(await broken()).toBeUndefined()
    await tamper('UPDATE audit_log SET meta = meta || \'{"ip":"10.0.0.1"}\' WHERE seq = 4')
    expect(await broken()).toMatchObject({ seq: 4, fault: 'changed' })
    await tamper('UPDATE audit_log SET meta = meta || \'{"ip":"127.0.0.1"}\' WHERE seq = 4')
    await api.store.query(
      "INSERT INTO audit_log (tenant, created_at, action, resource, meta) VALUES ('a', now(), 'CREATE_MONITOR', 'monitor:x', '{}')",
    )
    expect(await broken()).toMatchObject({ seq: null, fault: 'not_of_the_chain' })
    await tamper('DELETE FROM audit_log WHERE seq IS NULL')
    await tamper("DELETE FROM audit_log WHERE tenant = 'a' AND seq = (SELECT seq FROM audit_heads WHERE tenant = 'a')")
    expect(await broken()).toMatchObject({ id: null, fault: 'missing_at_end' })
    await tamper('DELETE FROM audit_log WHERE seq = 2')
    expect(await broken()).toMatchObject({ seq: 3, fault: 'missing_before' })
  })
})
