// The tool files: what vendors' own code takes, what they cost, and what is not in them.
import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema'
import { convertToOpenAITool } from '@langchain/core/utils/function_calling'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { toStrictJsonSchema } from 'openai/lib/transform'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations, type OperationId } from '../../../api/operations.ts'
import { toolDefinitions, TOOLSETS, withoutTool } from '../../../api/tools/definitions.ts'
import { bearer, openHarness, type Harness } from '../harness.ts'

const CORE_TOKENS = 6000
const TOOL_TOKENS = 400
let api: Harness
beforeAll(async () => {
  api = await openHarness()
  api.answer = ({ name }) => (name === 'anomalies.count' ? [{ total: '0' }] : [])
})
afterAll(async () => {
  await api.close()
})

interface Schema {
  readonly type?: string | string[]
  readonly properties?: Record<string, Schema>
  readonly required?: string[]
  readonly additionalProperties?: unknown
  readonly enum?: unknown[]
}
interface OpenAiTool {
  readonly type: 'function'
  readonly function: { readonly name: string; readonly description: string; readonly parameters: Schema; readonly strict: boolean }
}
interface Route {
  readonly name: string
  readonly schema: Schema
  readonly method: string
  readonly path: string
  readonly parameters_in: Record<string, string>
  readonly scopes: string[]
}
const file = async <T>(name: string, query = ''): Promise<T> => (await api.app.inject(`/openapi/${name}${query}`)).json<T>()
const cost = (value: unknown): number => encode(JSON.stringify(value)).length
const ajv = new Ajv2020({ strict: false })

describe('the tools', () => {
  it('are the core unless told otherwise, at most 6,000 tokens together and 400 each', async () => {
    const core = await file<OpenAiTool[]>('openai-tools.json')
    expect(core.map((tool) => tool.function.name)).toEqual(
      toolDefinitions.filter((tool) => tool.toolset === 'core').map((tool) => tool.name),
    )
    expect(core.length).toBeLessThanOrEqual(16)
    expect(cost(core)).toBeLessThanOrEqual(CORE_TOKENS)
    expect(cost(await file('openai-tools.json', '?strict=1'))).toBeLessThanOrEqual(CORE_TOKENS)
    const all = await file<OpenAiTool[]>('openai-tools.json', '?toolset=all')
    expect(all.map((tool) => tool.function.name)).toEqual(toolDefinitions.map((tool) => tool.name))
    expect(all.length).toBeLessThanOrEqual(40)
    for (const tool of all) expect([tool.function.name, cost(tool) <= TOOL_TOKENS]).toEqual([tool.function.name, true])
  })

  it('have names that every vendor takes, and say everything of each argument', async () => {
    for (const { name, description, parameters } of (await file<OpenAiTool[]>('openai-tools.json', '?toolset=all')).map(
      (tool) => tool.function,
    )) {
      expect(name).toMatch(/^obs_[a-z0-9_]{3,44}$/)
      expect(description.length).toBeGreaterThan(20)
      expect(() => ajv.compile(parameters)).not.toThrow()
      for (const [key, property] of Object.entries(parameters.properties ?? {}))
        expect([name, key, property]).toEqual([
          name,
          key,
          expect.objectContaining({ type: expect.any(String), description: expect.stringMatching(/./) }),
        ])
    }
  })

  it('are there for every operation, or there is a reason why not', () => {
    const having = new Set<string>(toolDefinitions.map((tool) => tool.operation))
    for (const id of Object.keys(operations) as OperationId[])
      expect([id, having.has(id) !== (withoutTool[id] !== undefined)]).toEqual([id, true])
    expect(new Set(toolDefinitions.map((tool) => tool.name)).size).toBe(toolDefinitions.length)
  })

  it('delete nothing, read no secret, make no credential and change no role', async () => {
    const routes = await file<Route[]>('langchain-tools.json', '?toolset=all')
    expect(routes.length).toBe(toolDefinitions.length)
    for (const { name, method, path, scopes } of routes) {
      expect([name, method]).not.toEqual([name, 'DELETE'])
      expect([name, path]).toEqual([name, expect.not.stringMatching(/secret|rotate|apikeys|invites|tenants|password/)])
      if (method !== 'GET') expect([name, path]).toEqual([name, expect.not.stringMatching(/tokens|members|rbac/)])
      expect(scopes.filter((scope) => /^(secrets|\*)/.test(scope))).toEqual([])
    }
  })
})

describe("the vendors' own code takes", () => {
  it('every strict tool of OpenAI, in both shapes', async () => {
    const chat = await file<OpenAiTool[]>('openai-tools.json', '?toolset=all&strict=1')
    for (const { function: one } of chat) {
      expect(one.strict).toBe(true)
      expect(() => toStrictJsonSchema(one.parameters as never), one.name).not.toThrow()
      expect([...one.parameters.required!].sort()).toEqual(Object.keys(one.parameters.properties!).sort())
    }
    const responses = await file<Record<string, unknown>[]>('openai-responses-tools.json', '?toolset=all&strict=1')
    expect(responses).toEqual(chat.map((tool) => ({ type: 'function', ...tool.function })))
  })

  it('not what is not strict: the oracle can tell', async () => {
    const loose = (await file<OpenAiTool[]>('openai-tools.json')).map((tool) => tool.function)
    expect(loose.every((tool) => !tool.strict)).toBe(true)
    expect(
      loose.some((tool) => {
        try {
          toStrictJsonSchema(tool.parameters as never)
          return false
        } catch {
          return true
        }
      }),
    ).toBe(true)
  })

  it('every tool of Anthropic', async () => {
    for (const tool of await file<{ name: string; input_schema: Schema }[]>('anthropic-tools.json', '?toolset=all&strict=1')) {
      const taken = transformJSONSchema(tool.input_schema as never) as Schema
      expect([tool.name, Object.keys(taken.properties ?? {})]).toEqual([tool.name, Object.keys(tool.input_schema.properties ?? {})])
      expect(tool.input_schema.type).toBe('object')
    }
  })

  it('every tool of LangChain', async () => {
    const byName = new Map(
      (await file<OpenAiTool[]>('openai-tools.json', '?toolset=all')).map((tool) => [tool.function.name, tool.function]),
    )
    for (const { name, schema, ...rest } of await file<(Route & { description: string })[]>('langchain-tools.json', '?toolset=all')) {
      const made = convertToOpenAITool({ name, description: rest.description, schema, invoke: () => undefined } as never)
      expect(made).toMatchObject({ type: 'function', function: { name, parameters: byName.get(name)!.parameters } })
    }
  })
})

describe('a choice of tools', () => {
  it('is by toolsets, and by the scopes of a token', async () => {
    const named = async (query: string) => (await file<{ name: string }[]>('anthropic-tools.json', query)).map((tool) => tool.name)
    expect(await named('?toolset=monitors-write')).toEqual(['obs_monitor_create', 'obs_monitor_update'])
    expect(await named('?toolset=core,monitors')).toContain('obs_monitor_stats_get')
    expect(await named('?scopes=logs:read')).toEqual(['obs_whoami', 'obs_logs_aggregate', 'obs_logs_search', 'obs_log_get'])
    expect(await named('?scopes=incidents:*,context:read')).toEqual([
      'obs_whoami',
      'obs_incidents_list',
      'obs_incident_get',
      'obs_incident_update',
      'obs_service_context',
    ])
    expect((await api.app.inject('/openapi/openai-tools.json?toolset=monitor')).json()).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'toolset', nearest: 'monitors', allowed: expect.arrayContaining([...TOOLSETS]) }],
    })
  })

  it('has the same bytes and tag every time, and is not sent again to whom has it', async () => {
    const first = await api.app.inject('/openapi/openai-tools.json')
    const again = await api.app.inject('/openapi/openai-tools.json')
    expect([again.body, again.headers.etag]).toEqual([first.body, first.headers.etag])
    expect(first.headers['cache-control']).toContain('max-age')
    const unchanged = await api.app.inject({ url: '/openapi/openai-tools.json', headers: { 'if-none-match': String(first.headers.etag) } })
    expect([unchanged.statusCode, unchanged.body]).toEqual([304, ''])
    expect((await api.app.inject('/openapi/openai-tools.json?strict=1')).headers.etag).not.toBe(first.headers.etag)
  })
})

describe('the index and the routing', () => {
  it('name every file and every tool', async () => {
    const index = await file<{
      base_url: string
      hash: string
      files: Record<string, string>
      toolsets: Record<string, string[]>
      tools: { name: string }[]
    }>('tools-index.json')
    expect(index.base_url).toBe('http://localhost:80')
    expect(Object.values(index.toolsets).flat().sort()).toEqual(toolDefinitions.map((tool) => tool.name).sort())
    for (const url of Object.values(index.files)) expect((await api.app.inject(url)).statusCode).toBe(200)
  })

  it('say where each argument goes, to an operation that takes it there', async () => {
    const spec = await api.app.inject('/openapi.json').then((reply) =>
      reply.json<{
        paths: Record<
          string,
          Record<
            string,
            {
              operationId: string
              parameters: { name: string; in: string }[]
              requestBody?: { content: Record<string, { schema: Schema }> }
            }
          >
        >
      }>(),
    )
    const routing = await file<Record<string, Route & { operation_id: string }>>('tools-routing.json', '?toolset=all')
    for (const [name, { method, path, parameters_in: places, operation_id: id }] of Object.entries(routing)) {
      const operation = spec.paths[path][method.toLowerCase()]
      expect([name, operation.operationId]).toEqual([name, id])
      for (const [argument, place] of Object.entries(places)) {
        const taken =
          place === 'body'
            ? Object.keys(operation.requestBody!.content['application/json'].schema.properties!)
            : operation.parameters.filter((one) => one.in === place).map((one) => one.name)
        if (!place.startsWith('header:')) expect([name, argument, taken]).toEqual([name, argument, expect.arrayContaining([argument])])
      }
    }
  })

  it('lead to calls that work', async () => {
    for (const { method, path, parameters_in: places } of (await file<Route[]>('langchain-tools.json')).filter(
      (one) => one.method === 'GET',
    )) {
      const url = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
        expect(places[name]).toBe('path')
        return 'none'
      })
      expect([200, 404]).toContain((await api.app.inject({ method: method as 'GET', url, headers: bearer('owner') })).statusCode)
    }
  })
})
