// Schemas that are compiled late are compiled all the same: what is wrong with one must not wait for its first caller.
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLazySchemas } from '../../../api/plugins/schemas.ts'
import { openHarness, type Harness } from '../harness.ts'

describe('the schemas of every route', () => {
  let api: Harness
  beforeAll(async () => {
    api = await openHarness()
  })
  afterAll(async () => {
    await api.close()
  })

  it('compile, hundreds of them', () => {
    let count = 1
    while (api.app.compileNext()) count++
    expect(count).toBeGreaterThan(300)
    expect(api.app.compileNext()).toBe(false)
  })
})

describe('a schema', () => {
  const open = async (response: object) => {
    const { compilers, compileNext } = createLazySchemas()
    const app = Fastify({ schemaController: { compilersFactory: compilers } })
    const body = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'], additionalProperties: false }
    const querystring = { type: 'object', properties: { limit: { type: 'integer' } } }
    app.post('/', { schema: { body, querystring, response: { 200: response } } }, async (request) => request.query)
    await app.ready()
    return { app, compileNext }
  }
  const anything = { type: 'object', additionalProperties: true }

  it('is compiled by the first request that needs it, and refuses what it should', async () => {
    const { app, compileNext } = await open(anything)
    const ask = (payload: object, url = '/') => app.inject({ method: 'POST', url, payload })
    expect((await ask({ count: 'one' })).json()).toMatchObject({ statusCode: 400, message: 'body/count must be integer' })
    expect((await ask({ count: 1, more: 2 })).statusCode).toBe(400)
    expect((await ask({ count: 1 })).statusCode).toBe(200)
    while (compileNext());
    expect((await ask({ count: '1' })).statusCode).toBe(400)
    expect((await ask({ count: 1 })).statusCode).toBe(200)
    await app.close()
  })

  it('reads numbers out of a query, and not out of a body', async () => {
    const { app } = await open(anything)
    const answer = await app.inject({ method: 'POST', url: '/?limit=5', payload: { count: 1 } })
    expect(answer.json()).toEqual({ limit: 5 })
    await app.close()
  })

  it('shapes the answer', async () => {
    const { app } = await open({ type: 'object', properties: { other: { type: 'string' } } })
    expect((await app.inject({ method: 'POST', url: '/?limit=5', payload: { count: 1 } })).body).toBe('{}')
    await app.close()
  })

  it('that is wrong is found when all are compiled', async () => {
    const { app, compileNext } = await open({ type: 'no such type' })
    expect(() => {
      while (compileNext());
    }).toThrow()
    await app.close()
  })
})
