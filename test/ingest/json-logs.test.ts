import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asJson, bearer, send, startTestIngest } from './harness.ts'
import type { Running } from './harness.ts'

let running: Running
beforeAll(async () => {
  running = await startTestIngest()
})
afterAll(() => running.ingest.close())
beforeEach(() => {
  running.log.messages.length = 0
})

const post = (body: string, type = 'application/json', headers: Record<string, string> = bearer) =>
  send(running.otlp, { path: '/api/v1/logs/ingest', headers: { ...headers, 'content-type': type }, body })

describe('POST /api/v1/logs/ingest', () => {
  it('takes one object, an array and lines, and says how many', async () => {
    for (const [body, type, format, count] of [
      ['{"message":"a"}', 'application/json', 'json', 1],
      ['[{"message":"a"},{"log":"b"}]', 'application/json; charset=utf-8', 'json', 2],
      ['{"message":"a"}\n{"message":"b"}\n', 'application/x-ndjson', 'ndjson', 2],
      ['{"msg":"a"}', 'text/plain', 'json', 1],
    ] as const) {
      const answer = await post(body, type)
      expect([answer.status, answer.json], body).toEqual([200, { accepted: count, rejected: 0, errors: [] }])
      expect(running.log.messages.at(-1)!.envelope).toMatchObject({ signal: 'json_logs', format, recordCount: count, tenant: 'acme' })
    }
  })

  it('takes lines that call themselves application/json', async () => {
    const answer = await post('{"message":"a"}\n{"message":"b"}\n')
    expect([answer.status, answer.json.accepted]).toEqual([200, 2])
  })

  it('tells each faulty event with its own reason, the first 20 of them', async () => {
    const answer = await post('[{"message":"a"},1,{},{"message":"b"}]')
    expect(answer.json).toEqual({
      accepted: 2,
      rejected: 2,
      errors: [
        { index: 1, code: 'not_an_object', message: expect.any(String) },
        { index: 2, code: 'empty_event', message: expect.any(String) },
      ],
    })
    expect(running.log.messages[0].envelope.rejected).toEqual([1, 2])
    const many = await post(JSON.stringify([{ message: 'a' }, ...Array.from({ length: 50 }, () => 1)]))
    expect([many.json.rejected, many.json.errors.length, many.json.errors[19]]).toEqual([50, 20, expect.objectContaining({ index: 20 })])
  })

  it("answers errors in the product's envelope", async () => {
    for (const [answer, status, code] of [
      [await post('{"a":'), 400, 'BAD_JSON'],
      [await post('{}', 'text/html'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [await post('{}', 'application/json', {}), 401, 'UNAUTHENTICATED'],
      [await send(running.otlp, { method: 'PUT', path: '/api/v1/logs/ingest', headers: asJson }), 405, 'METHOD_NOT_ALLOWED'],
      [await post(`{"message":"${'x'.repeat(1024 * 1024)}"}`), 413, 'BODY_TOO_LARGE'],
    ] as const) {
      expect([answer.status, answer.json], code).toEqual([
        status,
        expect.objectContaining({ code, error: expect.any(String), request_id: answer.headers['x-request-id'] }),
      ])
    }
    expect(running.log.messages).toEqual([])
  })
})
