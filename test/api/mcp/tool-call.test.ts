// What a tool does with what the API answers it, the API being a function.
import { expect, it } from 'vitest'
import { createCallableTool, type Reply } from '../../../api/mcp/tool-call.ts'
import type { Tool } from '../../../api/tools/derive.ts'

const tool: Tool = {
  name: 'obs_incidents_list',
  title: 't',
  toolset: 'core',
  description: 'd',
  operationId: 'listIncidents',
  method: 'GET',
  path: '/api/v1/incidents',
  scopes: [],
  isReadOnly: true,
  isIdempotent: true,
  input: {
    type: 'object',
    properties: {
      status: { type: 'string', enum: ['open', 'resolved'] },
      limit: { type: 'integer', minimum: 1, maximum: 200 },
      cursor: { type: 'string' },
    },
    required: [],
    additionalProperties: false,
  },
  parametersIn: { status: 'query', limit: 'query', cursor: 'query' },
}
const reply = (body: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const failures: unknown[] = []
const callable = createCallableTool(tool, (requestId, error) => {
  failures.push([requestId, String(error)])
})

it('what is thrown below it is noted with the id of the request, and told to nobody', async () => {
  for (const send of [() => Promise.reject(new Error('ECONNREFUSED 10.0.0.5:8123 password=abc')), async () => reply('<html>')]) {
    const { isError, value } = await callable.call({}, send, 'r-1')
    expect([isError, value]).toEqual([true, expect.objectContaining({ code: 'INTERNAL', request_id: 'r-1', retryable: true })])
    expect(JSON.stringify(value)).not.toMatch(/ECONN|password|html|JSON/)
  }
  expect(failures).toEqual([
    ['r-1', expect.stringContaining('password=abc')],
    ['r-1', expect.stringContaining('JSON')],
  ])
})

it('nothing is asked of the API with arguments that are not right', async () => {
  const asked: string[] = []
  const { value } = await callable.call(
    { status: 'opne' },
    async ({ url }) => {
      asked.push(url)
      return reply({})
    },
    'r',
  )
  expect([asked, value]).toEqual([
    [],
    expect.objectContaining({
      fields: [expect.objectContaining({ path: 'status', nearest: 'open', example: 'obs_incidents_list {"status":"open"}' })],
    }),
  ])
})

it('a page beyond its bytes is asked for again with as many rows as fit, and what comes then is shown', async () => {
  const asked: string[] = []
  const { value } = await callable.call(
    { max_bytes: 4096, detail: 'detailed' },
    async ({ url }) => {
      asked.push(url)
      const limit = Number(new URL(url, 'http://x').searchParams.get('limit'))
      return reply({
        incidents: Array.from({ length: limit }, (_, index) => ({ id: `inc_${index}`, title: 'x'.repeat(300) })),
        nextCursor: `after-${limit}`,
      })
    },
    'r',
  )
  expect(asked.length).toBe(2)
  expect(value).toMatchObject({
    truncated: true,
    truncated_reason: 'max_bytes',
    has_more: true,
    next_cursor: `after-${value.returned as number}`,
  })
})

it('when to come again is told in the answer, as headers are not seen', async () => {
  const { isError, value } = await callable.call(
    {},
    async () => reply({ error: 'later', code: 'RATE_LIMITED', hint: 'h' }, 429, { 'retry-after': '7' }),
    'r',
  )
  expect([isError, value]).toEqual([true, { error: 'later', code: 'RATE_LIMITED', hint: 'h', retryable: true, retry_after_s: 7 }])
})
