// What keeps an agent harmless, seen from its side: answers that get lost, a cap, trying things out, what it may not do, and MCP's refusals.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tryForbidden } from '../../../bench/demo/agent/forbidden.ts'
import { createLossyLine } from '../../../bench/demo/agent/lossy-line.ts'
import { createToolCaller, fetchFile, type Identity, type Routing, type ToolCaller } from '../../../bench/demo/agent/tool-caller.ts'
import { makeAgentToken } from '../../../bench/demo/agent/agent-token.ts'
import type { Product } from '../../../bench/load/product.ts'
import { connectEarlierMcp, connectMcp } from '../../support/agents/mcp.ts'
import { openIncident } from '../../support/agents/stage.ts'
import { createMigratedProduct } from '../../support/migrated-product.ts'

type FullRouting = Parameters<typeof tryForbidden>[1]
interface Incident {
  readonly status: string
  readonly updates: readonly { readonly body: string }[]
}

let product: Product
let routing: FullRouting
let incidentId = ''
beforeAll(async () => {
  product = await createMigratedProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  await product.start()
  routing = await fetchFile<FullRouting>(product.addresses().api, 'tools-routing.json', '?toolset=all')
  incidentId = await openIncident(product, 'checkout')
})
afterAll(async () => {
  await product.dispose()
})

const identityOf = async (conversation: string, more: object = {}): Promise<Identity> => ({
  api: product.addresses().api,
  token: (await makeAgentToken(product, conversation, more)).token,
  agent: 'bot',
  conversation,
})
const callerOf = async (conversation: string, more: object = {}, send?: typeof fetch): Promise<ToolCaller> =>
  createToolCaller(await identityOf(conversation, more), routing as Routing, send)
const commentsOf = async (body: string): Promise<number> =>
  ((await (await product.api(`/api/v1/incidents/${incidentId}`)).json()) as Incident).updates.filter((one) => one.body === body).length
const auditOf = async (conversation: string): Promise<number> =>
  ((await (await product.api(`/api/v1/audit-logs?agent_id=bot&conversation_id=${conversation}`)).json()) as { auditLogs: unknown[] })
    .auditLogs.length
const commented = (body: string, more: object = {}) => ({ id: incidentId, action: 'comment', body, ...more })

describe('a change whose answer was lost', () => {
  it('is repeated under the same key: one effect, one row of the trail, and the first answer', async () => {
    const line = createLossyLine()
    const caller = await callerOf('lossy', {}, line.send)
    const { status, headers, value } = await caller.call('obs_incident_update', commented('lost once'), 'call_1')
    expect([line.lost(), status, headers.get('idempotent-replayed')]).toEqual([1, 200, 'true'])
    expect(value).toMatchObject({
      id: incidentId,
      updates: expect.arrayContaining([expect.objectContaining({ body: 'lost once', by: 'bot' })]),
    })
    expect([await commentsOf('lost once'), await auditOf('lossy')]).toEqual([1, 1])
  })

  it('is another change under another key, and refused when the key was for something else', async () => {
    const caller = await callerOf('keys')
    expect((await caller.call('obs_incident_update', commented('said twice'), 'call_1')).headers.get('idempotent-replayed')).toBeNull()
    expect((await caller.call('obs_incident_update', commented('said twice'), 'call_2')).status).toBe(200)
    expect(await commentsOf('said twice')).toBe(2)
    expect(await caller.call('obs_incident_update', commented('something else'), 'call_1')).toMatchObject({
      status: 409,
      value: { code: 'IDEMPOTENCY_KEY_REPLAY_CONFLICT' },
    })
    expect(await commentsOf('something else')).toBe(0)
  })
})

it('an agent tries a change out first: it is told what would change, nothing does, and its cap is untouched', async () => {
  const caller = await callerOf('tries', { dailyMutationLimit: 1 })
  for (const attempt of [1, 2, 3]) {
    const { status, value } = await caller.call('obs_incident_update', commented('tried out', { dry_run: true }), `try_${attempt}`)
    expect([status, value]).toEqual([
      200,
      expect.objectContaining({
        dryRun: true,
        changes: [expect.objectContaining({ action: 'UPDATE_INCIDENT', resource: `incident:${incidentId}` })],
      }),
    ])
  }
  expect([await commentsOf('tried out'), await auditOf('tries')]).toEqual([0, 0])
  expect((await caller.call('obs_incident_update', commented('tried out'), 'do')).status).toBe(200)
  expect([await commentsOf('tried out'), await auditOf('tries')]).toEqual([1, 1])
})

it('an agent at its daily cap is told when to come back, reads on, and gets the answers it had', async () => {
  const caller = await callerOf('capped', { dailyMutationLimit: 2 })
  for (const id of ['a', 'b']) expect((await caller.call('obs_incident_update', commented(`within the cap ${id}`), id)).status).toBe(200)
  const { status, headers, value } = await caller.call('obs_incident_update', commented('over the cap'), 'c')
  expect([status, value]).toEqual([
    429,
    expect.objectContaining({ code: 'PAT_DAILY_LIMIT_EXCEEDED', hint: expect.stringContaining('Retry-After') }),
  ])
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(86_400)
  expect(await commentsOf('over the cap')).toBe(0)
  expect((await caller.call('obs_incident_get', { id: incidentId }, 'd')).status).toBe(200)
  expect((await caller.call('obs_incident_update', commented('within the cap a'), 'a')).headers.get('idempotent-replayed')).toBe('true')
})

it('an agent may not delete, make tokens, read secrets or remove members: there is no tool, and by hand it is told which scope is lacking', async () => {
  const refusals = await tryForbidden(await identityOf('forbidden'), routing)
  expect(refusals.length).toBeGreaterThanOrEqual(4)
  for (const refusal of refusals)
    expect(refusal).toMatchObject({
      status: 403,
      tools: [],
      value: { code: 'PAT_SCOPE_INSUFFICIENT', required_scopes: [expect.any(String)], hint: expect.any(String) },
    })
  expect(await auditOf('forbidden')).toBe(0)
})

describe.each([
  ['2026-07-28', connectMcp],
  ['2025-11-25', connectEarlierMcp],
] as const)('an MCP client of %s', (era, connect) => {
  it('sees the tools of its token and no others, each call with the same facts in both forms', async () => {
    const session = await connect(await identityOf(`mcp-${era}`), '?toolset=all')
    try {
      const names = (await session.list()).map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(['obs_logs_search', 'obs_incident_get', 'obs_incident_update', 'obs_postmortem_set']))
      for (const name of ['obs_monitors_list', 'obs_monitor_create', 'obs_audit_search', 'obs_tokens_list'])
        expect(names).not.toContain(name)
      for (const [name, args] of [
        ['obs_logs_search', { service: 'checkout' }],
        ['obs_incident_get', { id: incidentId, include: ['analysis', 'blast'] }],
        ['obs_incident_update', commented(`over MCP ${era}`, { idempotency_key: `mcp-${era}` })],
      ] as const) {
        const { isError, content, structuredContent } = await session.call(name, args)
        expect([name, isError ?? false, JSON.parse(content[0].text)]).toEqual([name, false, structuredContent])
      }
      expect([await commentsOf(`over MCP ${era}`), await auditOf(`mcp-${era}`)]).toEqual([1, 1])
      const { columns, rows } = (await session.call('obs_logs_search', { service: 'checkout' })).structuredContent as {
        columns: string[]
        rows: unknown[][]
      }
      expect(rows.map((row) => row[columns.indexOf('message')])).toContain('checkout: connection pool exhausted 0')
    } finally {
      await session.close()
    }
  })

  it('is taught by a wrong argument, and by a change over its cap', async () => {
    const session = await connect(await identityOf(`taught-${era}`, { dailyMutationLimit: 0 }))
    try {
      const wrong = await session.call('obs_incident_update', { id: incidentId, action: 'acknowlege' })
      expect([wrong.isError, wrong.structuredContent]).toEqual([true, JSON.parse(wrong.content[0].text)])
      expect(wrong.structuredContent).toMatchObject({
        code: 'VALIDATION_FAILED',
        fields: [{ path: 'action', nearest: 'acknowledge', allowed: ['comment', 'acknowledge', 'resolve'] }],
      })
      const capped = await session.call('obs_incident_update', commented('over the cap'))
      expect([capped.isError, capped.structuredContent]).toEqual([
        true,
        expect.objectContaining({ code: 'PAT_DAILY_LIMIT_EXCEEDED', retry_after_s: expect.any(Number) }),
      ])
      await expect(session.call('obs_monitor_create', { name: 'x' })).rejects.toThrow(/not found/i)
    } finally {
      await session.close()
    }
  })
})
