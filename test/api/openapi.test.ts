// The description: valid by a validator that is not ours, complete, and true: what routes answer is what it says.
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations, type Access, type OperationId } from '../../api/operations.ts'
import { bearer, openHarness, type Harness } from './harness.ts'

interface Media {
  readonly schema?: object
  readonly example?: unknown
  readonly examples?: Record<string, { $ref: string }>
}
interface Parameter {
  readonly $ref?: string
  readonly name: string
  readonly in: string
  readonly description?: string
  readonly example?: unknown
  readonly schema: object
}
interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly security: object[]
  readonly parameters: Parameter[]
  readonly requestBody?: { readonly content: Record<string, Media> }
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
  readonly 'x-agent': Record<string, unknown>
}
interface Spec {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, object>; readonly examples: Record<string, { value: unknown }> }
}

let api: Harness
let spec: Spec
let every: { method: string; path: string; one: Operation }[]
beforeAll(async () => {
  api = await openHarness()
  api.answer = ({ name }) => (name === 'anomalies.count' ? [{ total: '0' }] : [])
  spec = (await api.app.inject('/openapi.json')).json<Spec>()
  every = Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => ({ method, path, one })))
})
afterAll(async () => {
  await api.close()
})

const ajv = new Ajv2020({ strict: false, allErrors: true })
const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
const check = (schema: object, value: unknown): string | null => {
  const key = JSON.stringify(schema)
  const validate =
    compiled.get(key) ??
    ajv.compile(key.includes('#/components/schemas/') ? { ...schema, components: { schemas: spec.components.schemas } } : schema)
  compiled.set(key, validate)
  return validate(value) ? null : ajv.errorsText(validate.errors)
}

describe('the description', () => {
  it('is OpenAPI 3.1 by an independent validator', async () => {
    const validator = new Validator()
    const result = await validator.validate(structuredClone(spec) as never)
    expect(result.errors).toBeUndefined()
    expect([result.valid, validator.version]).toEqual([true, '3.1'])
    expect(() => validator.resolveRefs()).not.toThrow()
  })

  it('has each operation of the table once, and no other', () => {
    expect(every.map(({ one }) => one.operationId).sort()).toEqual(Object.keys(operations).sort())
    const routes = api.app.printRoutes({ commonPrefix: false })
    for (const { method, path } of every)
      expect(
        api.app.hasRoute({ method: method.toUpperCase() as 'GET', url: path.replaceAll(/\{(\w+)\}/g, ':$1') }),
        `${method} ${path} in\n${routes}`,
      ).toBe(true)
  })

  it('has the same bytes every time', async () => {
    expect((await api.app.inject('/openapi.json')).body).toBe((await api.app.inject('/openapi.json')).body)
  })

  it('says of every operation who may call it, what it costs and whether it may be repeated', () => {
    for (const { method, one } of every) {
      const access: Access = operations[one.operationId as OperationId]
      const isPublic = 'public' in access
      expect([one.operationId, one['x-agent']]).toEqual([
        one.operationId,
        expect.objectContaining({
          scopes: 'public' in access || access.scope === '' ? [] : [access.scope],
          role: isPublic ? null : access.role,
          readOnly: method === 'get',
          budget: method === 'get' || one.operationId === 'mcp' ? 'none' : 'mutations',
          dryRun: expect.any(Boolean),
          idempotent: expect.any(Boolean),
        }),
      ])
      expect(one.security.length === 0).toBe(isPublic)
      expect(one.summary).toMatch(/./)
    }
  })

  it('says what a dry run answers, also of what otherwise makes something or answers nothing', async () => {
    for (const { one } of every.filter(({ one: { parameters } }) => parameters.some(({ name }) => name === 'dry_run')))
      expect([one.operationId, Object.keys(one.responses)]).toEqual([one.operationId, expect.arrayContaining(['200'])])
    const tried = await api.app.inject({
      method: 'POST',
      url: '/api/v1/monitors?dry_run=true',
      headers: bearer('owner'),
      payload: { name: 'tried', type: 'heartbeat', intervalSec: 60 },
    })
    expect([
      tried.statusCode,
      check(spec.paths['/api/v1/monitors'].post.responses['200'].content!['application/json'].schema!, tried.json()),
    ]).toEqual([200, null])
    const reset = await api.app.inject({ method: 'DELETE', url: '/api/v1/detection/settings?service_id=nothing', headers: bearer('owner') })
    expect([reset.statusCode, Object.keys(spec.paths['/api/v1/detection/settings'].delete.responses)]).toEqual([
      404,
      expect.arrayContaining(['404']),
    ])
  })

  it('has a description and an example, which is allowed, of every parameter', () => {
    for (const { one } of every) {
      for (const parameter of one.parameters.filter(({ $ref }) => $ref === undefined)) {
        const of = `${one.operationId} ${parameter.name}`
        expect([of, parameter.description]).toEqual([of, expect.stringMatching(/./)])
        expect([of, check(parameter.schema, parameter.example)]).toEqual([of, null])
        // What nobody thought of is a word that says nothing, and that the route refuses.
        expect([of, parameter.example]).not.toEqual([of, 'text'])
      }
    }
  })

  it('has an example of every body and every answer, and each is of its own schema', () => {
    let seen = 0
    for (const { one } of every) {
      const answers = Object.entries(one.responses).flatMap(([status, { content = {} }]) =>
        Object.entries(content).map(([type, media]) => ({ of: `${one.operationId} ${status} ${type}`, media })),
      )
      for (const { of, media } of [
        ...answers,
        ...Object.entries(one.requestBody?.content ?? {}).map(([type, media]) => ({ of: `${one.operationId} body ${type}`, media })),
      ]) {
        if (of.endsWith('problem+json')) continue
        const examples =
          media.examples === undefined
            ? [media.example]
            : Object.values(media.examples).map(({ $ref }) => spec.components.examples[$ref.split('/').at(-1)!].value)
        expect([of, examples.length > 0, media.schema]).toEqual([of, true, expect.any(Object)])
        for (const example of examples) expect([of, check(media.schema!, example)]).toEqual([of, null])
        seen += examples.length
      }
    }
    expect(seen).toBeGreaterThan(200)
  })
})

describe('what is answered', () => {
  const hostile = (path: string): { url: string; headers?: Record<string, string>; payload?: string }[] => {
    const at = (id: string): string => path.replaceAll(/\{\w+\}/g, id)
    const json = { ...bearer('owner'), 'content-type': 'application/json' }
    return [
      { url: at('none') },
      { url: at('none'), headers: bearer('owner') },
      { url: at('none'), headers: bearer('viewer') },
      { url: at('none'), headers: bearer('writer') },
      { url: `${at('none')}?nonsense=1`, headers: bearer('owner') },
      { url: `${at('none')}?from=yesterday`, headers: bearer('owner') },
      { url: `${at('none')}?cursor=x.y`, headers: bearer('owner') },
      { url: at('%00'), headers: bearer('owner') },
      { url: at('none'), headers: json, payload: '{' },
      { url: at('none'), headers: json, payload: '{"nonsense":1}' },
      { url: at('none'), headers: { ...json, 'content-type': 'text/plain' }, payload: 'x' },
      { url: at('none'), headers: json, payload: `"${'x'.repeat(1024 * 1024)}"` },
    ]
  }

  it('to good and hostile calls is a status of the description, in its shape', async () => {
    const seen = new Set<string>()
    for (const { method, path, one } of every) {
      for (const call of hostile(path)) {
        if (method === 'get' && call.payload !== undefined) continue
        const reply = await api.app.inject({ method: method.toUpperCase() as 'GET', ...call })
        const described = one.responses[String(reply.statusCode)]
        expect([one.operationId, call, reply.statusCode, described === undefined]).toEqual([one.operationId, call, reply.statusCode, false])
        seen.add(`${one.operationId} ${reply.statusCode}`)
        const media = described.content?.[String(reply.headers['content-type']).split(';')[0]]
        if (media?.schema !== undefined && String(reply.headers['content-type']).startsWith('application/json'))
          expect([one.operationId, reply.statusCode, check(media.schema, reply.json())]).toEqual([one.operationId, reply.statusCode, null])
        // MCP has errors of its own once a request has reached it.
        if (reply.statusCode >= 400 && !reply.body.startsWith('{"jsonrpc"'))
          expect(Object.keys(media!.examples!)).toContain(reply.json<{ code: string }>().code)
      }
    }
    expect(seen.size).toBeGreaterThan(100)
  })
})
