// The MCP endpoint over a real socket, with the SDK's own client of each era.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, openHarness, token, type Harness } from '../harness.ts'

type Era = '2025-11-25' | '2026-07-28'
const eras: readonly Era[] = ['2025-11-25', '2026-07-28']
interface Result {
  readonly isError?: boolean
  readonly content: { type: string; text: string }[]
  readonly structuredContent: Record<string, unknown>
  readonly _meta: Record<string, Record<string, unknown>>
}

let api: Harness
let base = ''
beforeAll(async () => {
  api = await openHarness()
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  base = `http://127.0.0.1:${(api.app.server.address() as { port: number }).port}`
  await api.store.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ('inc_1', 'a', 1, 'checkout fails', 'major', 'open', now())",
  )
})
afterAll(async () => {
  await api.close()
})

const withClient = async <T>(
  era: Era,
  who: string,
  run: (client: Client) => Promise<T>,
  query = '',
  headers: Record<string, string> = {},
): Promise<T> => {
  const client = new Client(
    { name: 'test-agent', version: '1' },
    { versionNegotiation: { mode: era === '2025-11-25' ? 'legacy' : { pin: '2026-07-28' } } },
  )
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${base}/mcp${query}`), { requestInit: { headers: { ...bearer(who), ...headers } } }),
  )
  try {
    return await run(client)
  } finally {
    await client.close()
  }
}
const call = (
  name: string,
  args: Record<string, unknown>,
  who = 'owner',
  era: Era = '2026-07-28',
  query = '',
  headers: Record<string, string> = {},
): Promise<Result> =>
  withClient(era, who, async (client) => (await client.callTool({ name, arguments: args })) as unknown as Result, query, headers)
const post = (body: unknown, headers: Record<string, string> = bearer('owner')) =>
  fetch(`${base}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const logRow = (index: number, body = 'out of stock') => ({
  timestamp_ns: '1769860799123456789',
  observed_ns: '1769860799123456789',
  SeverityText: 'ERROR',
  SeverityNumber: 17,
  ServiceName: 'cart',
  Body: body,
  TraceId: '',
  SpanId: '',
  EventName: '',
  LogAttributes: {},
  ResourceAttributes: {},
  log_id: 'f'.repeat(32),
  log_partition: 0,
  log_offset: '7',
  record_index: index,
})

/** As the store answers: what lies in the range that is asked for. */
const inRange = (rows: ReturnType<typeof logRow>[], params: Record<string, unknown>) =>
  rows.filter(
    (row) => BigInt(row.timestamp_ns) >= BigInt(params.fromNs as string) && BigInt(row.timestamp_ns) <= BigInt(params.toNs as string),
  )

describe.each(eras)('a client of %s', (era) => {
  it('is told what there is, and lists the core, every tool with all four annotations', async () => {
    await withClient(era, 'owner', async (client) => {
      expect(client.getServerVersion()).toMatchObject({ name: 'lapwing', version: '1.2.3' })
      expect(client.getInstructions()).toContain('obs_incidents_list')
      const { tools } = await client.listTools()
      expect(tools.map((tool) => tool.name)).toContain('obs_incident_update')
      for (const tool of tools)
        expect(tool.annotations).toEqual({
          title: expect.any(String),
          readOnlyHint: expect.any(Boolean),
          destructiveHint: false,
          idempotentHint: expect.any(Boolean),
          openWorldHint: false,
        })
      expect(encode(JSON.stringify(tools)).length).toBeLessThanOrEqual(6000)
      for (const tool of tools) expect([tool.name, encode(JSON.stringify(tool)).length <= 400]).toEqual([tool.name, true])
      expect((await client.listPrompts()).prompts.map((prompt) => prompt.name)).toEqual(['investigate_incident'])
      expect((await client.listResources()).resources.map((resource) => resource.uri)).toEqual(['lapwing://docs/errors'])
    })
  })

  it('reads a table that is the same in both forms', async () => {
    const { content, structuredContent, isError } = await call('obs_incidents_list', {}, 'owner', era)
    expect(isError).not.toBe(true)
    expect(JSON.parse(content[0].text)).toEqual(structuredContent)
    expect(structuredContent).toMatchObject({
      columns: ['id', 'number', 'title', 'severity', 'status', 'openedAt', 'services'],
      returned: 1,
      has_more: false,
      truncated: false,
      untrusted: ['title', 'services'],
    })
    expect((structuredContent.rows as unknown[][])[0].slice(0, 3)).toEqual(['inc_1', 1, 'checkout fails'])
  })
})

it('the list of tools is the one of the token, and of the toolset that is asked for', async () => {
  const named = (who: string, query = '') =>
    withClient('2026-07-28', who, async (client) => (await client.listTools()).tools.map((tool) => tool.name), query)
  expect(await named('writer')).toEqual(['obs_whoami'])
  expect(await named('responder')).toEqual(['obs_whoami', 'obs_incidents_list', 'obs_incident_get', 'obs_incident_update'])
  expect(await named('viewer')).not.toContain('obs_incident_update')
  expect(await named('owner', '?toolset=monitors-write')).toEqual(['obs_monitor_create', 'obs_monitor_update'])
  for (const name of await named('owner', '?toolset=all')) expect(name).not.toMatch(/delete|secret|token_create|role/)
})

describe('a change', () => {
  it('is made as its caller, once for one idempotency key, and lands in the audit trail with agent and conversation', async () => {
    const args = { id: 'inc_1', action: 'comment', body: 'looking', idempotency_key: 'k-1' }
    const first = await call('obs_incident_update', args, 'owner', '2026-07-28', '', { 'x-conversation-id': 'run-7' })
    const again = await call('obs_incident_update', args, 'owner', '2026-07-28', '', { 'x-conversation-id': 'run-7' })
    expect(first.isError).not.toBe(true)
    expect(again.structuredContent).toEqual(first.structuredContent)
    const audit = await call('obs_audit_search', { action: 'UPDATE_INCIDENT', detail: 'concise' })
    expect(audit.structuredContent.returned).toBe(1)
    expect((audit.structuredContent.rows as unknown[][])[0]).toEqual(expect.arrayContaining(['test-agent', 'run-7', 'incident:inc_1']))
    expect(
      await api.store.query(
        "SELECT meta->>'tool' AS tool, meta->>'operation' AS operation FROM audit_log WHERE tenant = 'a' AND action = 'UPDATE_INCIDENT'",
      ),
    ).toEqual([{ tool: 'obs_incident_update', operation: 'updateIncident' }])
  })

  it('is tried out with dry_run', async () => {
    const tried = await call('obs_incident_update', { id: 'inc_1', action: 'resolve', dry_run: true })
    expect(tried.structuredContent).toMatchObject({ dryRun: true, status: 'resolved' })
    expect((await call('obs_incident_get', { id: 'inc_1' })).structuredContent).toMatchObject({ status: 'open' })
  })

  it('that the role does not allow is refused', async () => {
    await expect(call('obs_incident_update', { id: 'inc_1', action: 'resolve' }, 'viewer')).rejects.toThrow(/not found/i)
  })
})

describe('what is wrong is taught', () => {
  it('for a misspelt argument', async () => {
    const { isError, structuredContent, content } = await call('obs_incidents_list', { stauts: 'open' })
    expect(isError).toBe(true)
    expect(structuredContent).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'stauts', nearest: 'status', example: 'obs_incidents_list {"status":"open"}' }],
    })
    expect(encode(content[0].text).length).toBeLessThanOrEqual(300)
  })

  it('for what only the route can tell, with an example of the tool', async () => {
    const { isError, structuredContent } = await call('obs_logs_search', { severity_min: 'loud' })
    expect(isError).toBe(true)
    expect(structuredContent).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path: 'severity_min' }] })
    const exampleOf = async (name: string, args: object): Promise<unknown> =>
      ((await call(name, args as Record<string, unknown>)).structuredContent.fields as { example: string }[])[0].example
    for (const [name, args, example] of [
      ['obs_logs_search', { severity_min: 'warnn' }, 'obs_logs_search {"severity_min":"warn"}'],
      ['obs_logs_search', { filter: 'severity >== error' }, expect.stringMatching(/^obs_logs_search \{"filter":"service = checkout AND /)],
      ['obs_logs_aggregate', { metric: ['p95'] }, 'obs_logs_aggregate {"metric":["p95"],"field":"duration_ms"}'],
      ['obs_logs_aggregate', { by: ['a', 'b', 'c', 'd'] }, 'obs_logs_aggregate {"by":["service"]}'],
      [
        'obs_incident_update',
        { id: 'inc_1', action: 'comment' },
        'obs_incident_update {"id":"inc_7f3d2a9c01be","action":"comment","body":"Rolled back."}',
      ],
      ['obs_incident_update', { id: 'inc_1', action: 'close' }, 'obs_incident_update {"id":"inc_7f3d2a9c01be","action":"acknowledge"}'],
    ] as const)
      expect([name, args, await exampleOf(name, args)]).toEqual([name, args, example])
    expect((await call('obs_incident_get', { id: 'inc_none' })).structuredContent).toMatchObject({ code: 'NOT_FOUND', retryable: false })
    expect((await call('obs_incident_get', { id: 1 })).structuredContent).toMatchObject({ id: 'inc_1', number: 1 })
    expect((await call('obs_incident_get', { id: 4711 })).structuredContent).toMatchObject({ code: 'NOT_FOUND' })
    expect((await call('obs_incidents_list', { fields: ['titel'] })).structuredContent).toMatchObject({
      fields: [{ path: 'fields', nearest: 'title', example: 'obs_incidents_list {"fields":["title"]}' }],
    })
  })

  it('and text in place of numbers is read, and said', async () => {
    expect((await call('obs_incidents_list', { limit: '5', status: null })).structuredContent).toMatchObject({
      returned: 1,
      repaired: ['limit'],
    })
    expect((await call('obs_incident_get', { id: 'inc_1', include: 'analysis' })).structuredContent).toMatchObject({
      repaired: ['include'],
      analysis: { incidentId: 'inc_1' },
    })
    expect((await call('obs_incidents_list', { limit: 5000 })).structuredContent).toMatchObject({ notices: ['limit was lowered to 200'] })
  })
})

describe('logs', () => {
  it('are cut to the budget, and their cursor goes on where the page ends', async () => {
    api.answer = ({ name, params }) =>
      name !== 'logs.search'
        ? []
        : inRange(
            Array.from({ length: 300 }, (_, index) => logRow(299 - index, `${299 - index} ${'x'.repeat(900)}`)),
            params,
          )
            .filter((row) => params.aIndex === undefined || row.record_index < (params.aIndex as number))
            .slice(0, params.limit as number)
    const seen: number[] = []
    let cursor: unknown
    do {
      const { structuredContent, content } = await call('obs_logs_search', {
        from: '2026-01-31T00:00:00Z',
        limit: 60,
        ...(cursor === undefined ? {} : { cursor }),
      })
      expect(Buffer.byteLength(content[0].text)).toBeLessThanOrEqual(16 * 1024)
      expect(structuredContent).toMatchObject({
        truncated: true,
        untrusted: ['service', 'message'],
        cut: expect.arrayContaining([expect.objectContaining({ field: 'message', row: 0 })]),
      })
      const at = (structuredContent.columns as string[]).indexOf('message')
      for (const row of structuredContent.rows as string[][]) seen.push(Number(row[at].split(' ')[0]))
      cursor = structuredContent.next_cursor
      expect(structuredContent.has_more).toBe(cursor !== undefined)
    } while (cursor !== undefined)
    api.answer = () => []
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => 299 - index))
  })

  it('are counted as a table, and an empty one is explained', async () => {
    api.answer = ({ name }) => (name === 'logs.aggregate_groups' ? [] : [])
    const { structuredContent } = await call('obs_logs_aggregate', { by: 'service' })
    expect(structuredContent).toMatchObject({
      columns: ['service', 'count'],
      rows: [],
      returned: 0,
      repaired: ['by'],
      empty_reason: expect.stringMatching(/^no_/),
    })
    expect((await call('obs_logs_aggregate', { filter: 'severity >=' })).structuredContent).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'filter' }],
    })
  })

  it('that are not there are explained', async () => {
    const newestAt = (ms: number): void => {
      api.answer = ({ name }) =>
        name === 'logs.newest' ? [{ ns: `${ms}000000` }] : name === 'logs.newest_keys' ? [{ of_record: ['user.id'], of_resource: [] }] : []
    }
    newestAt(Date.UTC(2026, 0, 30))
    expect((await call('obs_logs_search', {})).structuredContent).toMatchObject({
      returned: 0,
      empty_reason: 'no_data_in_range',
      nearest_data_at: '2026-01-30T00:00:00.000Z',
    })
    newestAt(Date.UTC(2026, 0, 31, 11, 59))
    expect((await call('obs_logs_search', { service: 'nobody' })).structuredContent).toMatchObject({
      returned: 0,
      empty_reason: 'no_match',
    })
    expect((await call('obs_logs_search', { filter: 'user.idd = 1' })).structuredContent).toMatchObject({
      returned: 0,
      empty_reason: 'field_unknown',
      unknown_fields: [{ field: 'user.idd', nearest: 'user.id' }],
    })
    api.answer = () => []
    expect((await call('obs_logs_search', {})).structuredContent).toMatchObject({ returned: 0, empty_reason: 'no_data_in_range' })
  })

  it('are read whole, a long message in parts without gap or overlap', async () => {
    const whole = Array.from({ length: 9000 }, (_, index) => String.fromCodePoint(0x4e00 + (index % 500))).join('') + '😀'.repeat(3000)
    api.answer = ({ name }) => (name === 'logs.by_position' ? [logRow(1, whole)] : [])
    const id = Buffer.from(`${'f'.repeat(32)}:0:7:1`).toString('base64url')
    let [read, offset] = ['', 0 as unknown]
    for (let parts = 0; offset !== undefined && parts < 30; parts++) {
      const { structuredContent, content } = await call('obs_log_get', { id, offset })
      expect(Buffer.byteLength(content[0].text)).toBeLessThanOrEqual(16 * 1024)
      expect(structuredContent.cut).toBeUndefined()
      read += structuredContent.message as string
      offset = structuredContent.next_offset
    }
    api.answer = () => []
    expect(read === whole).toBe(true)
  })

  it('have no characters that are not seen', async () => {
    api.answer = ({ name, params }) => (name === 'logs.search' ? inRange([logRow(1, 'a\u001b[31mb\u202ec\u200bd\u{e0041}e')], params) : [])
    const { structuredContent } = await call('obs_logs_search', { fields: ['message'] })
    api.answer = () => []
    expect(structuredContent).toMatchObject({ columns: ['message'], rows: [['abcde']], sanitized: 4, untrusted: ['message'] })
  })
})

describe('a request', () => {
  it('without a token is told where to learn how, at the transport', async () => {
    const reply = await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, {})
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`,
    ])
    const metadata = await (await fetch(`${base}/.well-known/oauth-protected-resource/mcp`)).json()
    expect(metadata).toMatchObject({
      resource: `${base}/mcp`,
      bearer_methods_supported: ['header'],
      scopes_supported: expect.arrayContaining(['logs:read']),
    })
  })

  it('of another origin is refused, of a local one taken', async () => {
    expect((await post({}, { ...bearer('owner'), origin: 'https://evil.example' })).status).toBe(403)
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { ...bearer('owner'), origin: 'http://localhost:1234' })).status).toBe(
      200,
    )
  })

  it('that is not JSON, or not a POST, is refused', async () => {
    expect([400, await (await post('{')).json()]).toEqual([
      400,
      { jsonrpc: '2.0', id: null, error: { code: -32_700, message: 'Parse error' } },
    ])
    for (const method of ['GET', 'DELETE']) expect((await fetch(`${base}/mcp`, { method, headers: bearer('owner') })).status).toBe(405)
  })

  it('that fails inside tells nothing of it', async () => {
    api.answer = () => {
      throw new Error('ECONNREFUSED 10.0.0.5:8123 password=abc')
    }
    const { isError, content, _meta: meta } = await call('obs_anomalies_list', {})
    api.answer = () => []
    expect(isError).toBe(true)
    expect(JSON.parse(content[0].text)).toMatchObject({ code: 'INTERNAL', request_id: expect.any(String) })
    expect(JSON.stringify(content)).not.toMatch(/ECONNREFUSED|10\.0\.0\.5|password/)
    expect(meta['lapwing/budget']).toBeDefined()
  })

  it('with X-API-Key is taken as well', async () => {
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'x-api-key': token('owner') })).status).toBe(200)
  })
})
