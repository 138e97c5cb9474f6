// dry_run=true works out everything and changes nothing; every change says how it is undone.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addOwner, bearer, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
  await addOwner(api.store)
})
afterAll(async () => {
  await api.close()
})

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'
const call = async (method: Method, url: string, payload?: object, who = 'owner', headers: Record<string, string> = {}) => {
  const reply = await api.app.inject({
    method,
    url,
    headers: { ...bearer(who), ...headers },
    ...(payload === undefined ? {} : { payload }),
  })
  return { status: reply.statusCode, said: reply.body.startsWith('{') ? reply.json<Record<string, unknown>>() : {}, headers: reply.headers }
}
/** Everything that is stored, as text. */
const everything = async (): Promise<string> =>
  JSON.stringify(
    await Promise.all(
      [
        'monitors',
        'tokens',
        'audit_log',
        'audit_heads',
        'incidents',
        'incident_updates',
        'token_usage',
        'idempotency_answers',
        'tenants',
        'memberships',
      ].map((table) => api.store.query(`SELECT * FROM ${table} ORDER BY 1`)),
    ),
  )
const monitor = { name: 'nightly', type: 'heartbeat', intervalSec: 60 }
const addIncident = (id: string, number: number) =>
  api.store.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ($1, 'a', $2, 't', 'major', 'open', now())",
    [id, number],
  )

describe('a dry run', () => {
  it('of every change answers the would-be result and the audit rows, and leaves everything as it was', async () => {
    const { id } = (await call('POST', '/api/v1/monitors', monitor)).said
    const made = (await call('POST', '/api/v1/me/tokens', { name: 'bot' })).said
    await addIncident('inc_1', 1)
    const before = await everything()
    const refreshed = api.refreshed
    const runs: [Method, string, object | undefined, object, string][] = [
      ['POST', '/api/v1/monitors', { ...monitor, name: 'other' }, { name: 'other' }, 'CREATE_MONITOR'],
      ['PATCH', `/api/v1/monitors/${id}`, { intervalSec: 300 }, { id, intervalSec: 300 }, 'UPDATE_MONITOR'],
      ['POST', `/api/v1/monitors/${id}/rotate-heartbeat-token`, undefined, { id }, 'ROTATE_HEARTBEAT_TOKEN'],
      ['DELETE', `/api/v1/monitors/${id}`, undefined, {}, 'DELETE_MONITOR'],
      ['POST', '/api/v1/incidents/inc_1/acknowledge', undefined, { status: 'acknowledged' }, 'ACKNOWLEDGE_INCIDENT'],
      ['POST', '/api/v1/incidents/inc_1/resolve', undefined, { status: 'resolved' }, 'RESOLVE_INCIDENT'],
      ['POST', '/api/v1/incidents/inc_1/updates', { body: 'b' }, { id: 'inc_1' }, 'UPDATE_INCIDENT'],
      ['PUT', '/api/v1/incidents/inc_1/postmortem', { postmortem: 'p' }, { postmortem: 'p' }, 'SET_POSTMORTEM'],
      ['POST', '/api/v1/me/tokens', { name: 'n' }, { name: 'n' }, 'CREATE_TOKEN'],
      ['DELETE', `/api/v1/me/tokens/${made.id}`, undefined, {}, 'REVOKE_TOKEN'],
      ['POST', '/api/v1/apikeys', { name: 'k', scope: 'ingestion' }, { name: 'k' }, 'CREATE_API_KEY'],
    ]
    for (const [method, url, payload, result, action] of runs) {
      const { status, said } = await call(method, `${url}?dry_run=true`, payload, 'owner', { 'idempotency-key': 'same for all' })
      expect([action, status, said]).toEqual([
        action,
        200,
        expect.objectContaining({ ...result, dryRun: true, changes: [expect.objectContaining({ action })] }),
      ])
      expect([action, JSON.stringify(said)]).toEqual([action, expect.not.stringMatching(/(obs|isage)_[\w-]{43}/)])
    }
    expect(await everything()).toBe(before)
    expect(api.refreshed).toBe(refreshed)
  })

  it('is refused as the real call would be, and spends no cap', async () => {
    expect((await call('POST', '/api/v1/monitors?dry_run=true', { ...monitor, name: 'x' }, 'viewer')).said).toMatchObject({
      code: 'ROLE_INSUFFICIENT',
    })
    expect((await call('POST', '/api/v1/monitors?dry_run=true', monitor)).said).toMatchObject({ code: 'MONITOR_NAME_DUPLICATE' })
    expect((await call('DELETE', '/api/v1/monitors/none?dry_run=true')).said).toMatchObject({ code: 'NOT_FOUND' })
    expect((await call('POST', '/api/v1/monitors?dry_run=true', { name: 'x' })).said).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect((await call('POST', '/api/v1/monitors?dry_run=true', { ...monitor, name: 'x' }, 'spent')).said).toMatchObject({ dryRun: true })
  })

  it('that is misspelt is not the real thing', async () => {
    for (const query of ['dryrun=true', 'dry_run=yes', 'dry-run=true'])
      expect((await call('POST', `/api/v1/monitors?${query}`, { ...monitor, name: 'typo' })).said).toMatchObject({
        code: 'VALIDATION_FAILED',
      })
    expect(await api.store.query("SELECT 1 FROM monitors WHERE name = 'typo'")).toEqual([])
    expect((await call('POST', '/api/v1/monitors?dry_run=false', { ...monitor, name: 'real' })).status).toBe(201)
  })

  it('of what is so already says that nothing would change', async () => {
    await addIncident('inc_2', 2)
    await call('POST', '/api/v1/incidents/inc_2/acknowledge')
    expect((await call('POST', '/api/v1/incidents/inc_2/acknowledge?dry_run=true')).said).toMatchObject({ dryRun: true, changes: [] })
  })
})

describe('the undo of a change', () => {
  interface Undo {
    readonly possible: boolean
    readonly method?: Method
    readonly path?: string
    readonly body?: object
    readonly reason?: string
  }
  const undo = async ({ said }: { said: Record<string, unknown> }) => {
    const { method, path, body } = said.undo as Undo
    return await call(method!, path!, body)
  }
  const stateOf = async (url: string): Promise<Record<string, unknown>> => (await api.app.inject({ url, headers: bearer('owner') })).json()

  it('is a call that puts things back as they were', async () => {
    const made = await call('POST', '/api/v1/monitors', { ...monitor, name: 'u', tags: ['a'] })
    const url = `/api/v1/monitors/${made.said.id}`
    const before = await stateOf(url)
    const changed = await call('PATCH', url, { name: 'v', tags: [], alertLabels: { alertname: 'Watchdog' }, heartbeatGraceSec: 5 })
    expect(await stateOf(url)).not.toEqual(before)
    expect((await undo(changed)).status).toBe(200)
    expect(await stateOf(url)).toEqual(before)
    expect((await undo(made)).status).toBe(204)
    expect(await stateOf(url)).toMatchObject({ code: 'NOT_FOUND' })

    await addIncident('inc_3', 3)
    await call('PUT', '/api/v1/incidents/inc_3/postmortem', { postmortem: 'old' })
    await undo(await call('PUT', '/api/v1/incidents/inc_3/postmortem', { postmortem: 'new' }))
    expect((await stateOf('/api/v1/incidents/inc_3')).postmortem).toBe('old')
  })

  it('is told by every route that changes something, in words of its own', () => {
    const folder = fileURLToPath(new URL('../../api/routes/', import.meta.url))
    const routes = readdirSync(folder).flatMap((name) =>
      readFileSync(`${folder}${name}`, 'utf8')
        .split(/(?=\bapp\.(?:get|post|put|patch|delete)\()/)
        .filter((text) => /^app\.(?!get)/.test(text)),
    )
    expect(routes.length).toBeGreaterThan(12)
    expect(routes.filter((text) => !text.includes('tellUndo(')).map((text) => /operationId: '(\w+)'/.exec(text)?.[1])).toEqual([])
  })

  it('is said not to be there where it is not, in a header where there is no body', async () => {
    await addIncident('inc_4', 4)
    expect((await call('POST', '/api/v1/incidents/inc_4/resolve')).said.undo).toEqual({ possible: false, reason: expect.any(String) })
    const {
      said: { id },
    } = await call('POST', '/api/v1/monitors', { ...monitor, name: 'w' })
    expect(JSON.parse(String((await call('DELETE', `/api/v1/monitors/${id}`)).headers['x-undo']))).toEqual({
      possible: false,
      reason: expect.any(String),
    })
  })
})
