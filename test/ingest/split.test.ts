// A body that one message of the log cannot hold is appended in pieces; the answer is about the whole of it.
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { TransientError } from '../../streams/contracts/errors.ts'
import type { NewMessage } from '../../streams/contracts/event-log.ts'
import { encodeEnvelope } from '../../streams/envelope.ts'
import { decodeOne } from '../analytics/decode/support.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import { CAPPED, asJson, asProtobuf, createLogSink, eventually, send, startTestIngest, type Running } from './harness.ts'

const LIMIT = 20_000
let running: Running
afterEach(() => running.ingest.close())
const start = async (overrides: Parameters<typeof startTestIngest>[0] = {}): Promise<void> => {
  running = await startTestIngest(overrides, createLogSink(2, LIMIT))
}

const texts = Array.from({ length: 1000 }, (_, n) => `record ${n} ${'x'.repeat(n % 150)}`)
const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'cart' } }] }
const protobuf = (...bodies: readonly string[]): Uint8Array =>
  encodeRequest({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: bodies.map((one) => ({ body: { stringValue: one } })) }] }] })
const otlpJson = (...bodies: readonly string[]): string =>
  JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: bodies.map((one) => ({ body: { stringValue: one } })) }] }] })
const events = texts.map((message) => JSON.stringify({ message, service: 'cart' }))

const stored = ({ body, envelope }: NewMessage): { Body: string; ServiceName: string }[] =>
  decodeOne(body, { ...envelope, receivedAtMs: 0 }).map(({ Body, ServiceName }) => ({ Body, ServiceName }))
const expectStored = (of: readonly string[]): void => {
  const { messages } = running.log
  for (const { body, envelope } of messages) {
    expect(body.length + encodeEnvelope(envelope).length).toBeLessThanOrEqual(LIMIT)
    expect(envelope).toMatchObject({
      compression: 'identity',
      inflatedBytes: body.length,
      rejected: [],
      tenant: 'acme',
      tokenId: 't1',
      receivedAtMs: expect.any(Number),
    })
  }
  expect(messages.flatMap(stored)).toEqual(of.map((Body) => ({ Body, ServiceName: 'cart' })))
  expect(messages.reduce((sum, { envelope }) => sum + envelope.recordCount, 0)).toBe(of.length)
  expect(new Set(messages.map(({ partition }) => partition)).size).toBe(1)
}

describe('a body above the limit of a message', () => {
  const bodies: [string, string, Record<string, string>, Uint8Array | string][] = [
    ['protobuf', '/v1/logs', asProtobuf, protobuf(...texts)],
    ['OTLP JSON', '/v1/logs', asJson, otlpJson(...texts)],
    ['an array', '/api/v1/logs/ingest', asJson, `[${events.join()}]`],
    ['lines', '/api/v1/logs/ingest', { ...asJson, 'content-type': 'application/x-ndjson' }, events.join('\n')],
  ]
  it.each(bodies)('is stored in pieces that fit, whole and in order: %s', async (_, path, headers, body) => {
    await start()
    expect((await send(running.otlp, { path, headers, body })).status).toBe(200)
    expect(running.log.messages.length).toBeGreaterThan(4)
    expectStored(texts)
    const stats = running.ingest.stats()
    const { received, accepted } = stats.signals[path === '/v1/logs' ? 'otlp_logs' : 'json_logs']
    expect([received, accepted, stats.inflightBytes, running.faults]).toEqual([1000, 1000, 0, []])
  })

  it('is cut on the thread beside when it is large JSON', async () => {
    await start()
    const many = Array.from({ length: 3 }, () => texts).flat()
    expect((await send(running.otlp, { path: '/v1/logs', headers: asJson, body: otlpJson(...many) })).status).toBe(200)
    expectStored(many)
  })

  it('is appended as it came as long as it fits so, however large it is inflated', async () => {
    await start()
    const body = gzipSync(protobuf(...texts))
    expect(body.length).toBeLessThan(LIMIT)
    expect((await send(running.otlp, { path: '/v1/logs', headers: { ...asProtobuf, 'content-encoding': 'gzip' }, body })).status).toBe(200)
    expect(running.log.messages.map(({ body: appended, envelope }) => [Buffer.compare(appended, body), envelope.compression])).toEqual([
      [0, 'gzip'],
    ])
  })

  it('is inflated and cut when it is too large as it came', async () => {
    await start()
    const random = Array.from({ length: 60 }, (_, n) =>
      Buffer.from(Array.from({ length: 1000 }, (__, i) => (n * 7919 + i * i * 104729) % 251)).toString('base64'),
    )
    const body = gzipSync(protobuf(...random), { level: 1 })
    expect(body.length).toBeGreaterThan(LIMIT)
    expect((await send(running.otlp, { path: '/v1/logs', headers: { ...asProtobuf, 'content-encoding': 'gzip' }, body })).status).toBe(200)
    expectStored(random)
  })

  it('does without its rejected records, which are told as ever, and may be of any size', async () => {
    await start()
    const records = [
      ...texts.map((one) => ({ body: { stringValue: one } })),
      { body: { stringValue: 'x'.repeat(30_000) }, traceId: new Uint8Array(3) },
    ]
    const answer = await send(running.otlp, {
      path: '/v1/logs',
      headers: asProtobuf,
      body: encodeRequest({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: records }] }] }),
    })
    expect(answer.status).toBe(200)
    expect(answer.body.includes('1 record rejected')).toBe(true)
    expectStored(texts)
    expect(running.ingest.stats().signals.otlp_logs).toMatchObject({ received: 1001, accepted: 1000, rejected: { invalid_trace_id: 1 } })
  })

  it('is refused with 413 and not stored at all when one record of it fits into no message', async () => {
    await start()
    for (const [headers, body] of [
      [asProtobuf, protobuf(...texts, 'x'.repeat(LIMIT))],
      [asJson, otlpJson(...texts, 'x'.repeat(LIMIT))],
    ] as const) {
      const answer = await send(running.otlp, { path: '/v1/logs', headers, body })
      expect([answer.status, answer.body.toString()]).toEqual([413, expect.stringMatching(/a record of 20\d\d\d bytes/)])
    }
    expect(running.log.messages).toEqual([])
    expect(running.ingest.stats().inflightBytes).toBe(0)
  })

  it('is cut also when only the numbers of its rejected records do not fit beside it', async () => {
    await start()
    const logRecords = Array.from({ length: 1500 }, (_, n) => (n % 2 === 0 ? { severityNumber: 9 } : { traceId: Uint8Array.of(1) }))
    const body = encodeRequest({
      resourceLogs: [{ scopeLogs: [{ logRecords: [...logRecords, { body: { stringValue: 'x'.repeat(12_000) } }] }] }],
    })
    expect(body.length).toBeLessThan(LIMIT - 300)
    expect((await send(running.otlp, { path: '/v1/logs', headers: asProtobuf, body })).status).toBe(200)
    expect(running.log.messages.reduce((sum, { envelope }) => sum + envelope.recordCount, 0)).toBe(751)
    expect(running.log.messages.flatMap(({ envelope }) => envelope.rejected)).toEqual([])
  })

  it('is answered 503 when one of its pieces fails, as if nothing was stored', async () => {
    await start()
    let appended = 0
    running.log.before = () => (++appended === 3 ? Promise.reject(new TransientError('LOG_FULL', 'full', 1000)) : Promise.resolve())
    const answer = await send(running.otlp, { path: '/v1/logs', headers: asProtobuf, body: protobuf(...texts) })
    expect([answer.status, answer.headers['retry-after'], running.ingest.stats().inflightBytes]).toEqual([503, '1', 0])
    expect(running.log.messages.length).toBeGreaterThan(1)
    expect(running.ingest.stats().signals.otlp_logs.accepted).toBe(0)
  })

  it('costs its token what was stored of it, when one of its pieces fails', async () => {
    running = await startTestIngest({}, createLogSink(1, 400))
    let appended = 0
    running.log.before = () => (++appended === 2 ? Promise.reject(new TransientError('LOG_IO', 'gone', 1000)) : Promise.resolve())
    const answer = await send(running.otlp, {
      path: '/v1/logs',
      headers: { ...asProtobuf, authorization: `Bearer ${CAPPED}` },
      body: protobuf(...texts.slice(0, 40).map((one) => one.slice(0, 12))),
    })
    expect(answer.status).toBe(503)
    expect(appended).toBeGreaterThan(2)
    expect(Number(answer.headers['x-pat-logbytes-used'])).toBe(running.log.messages.reduce((sum, { body }) => sum + body.length, 0))
  })

  it('appends no more of its pieces once its answer was given', async () => {
    await start({
      maxBodyBytes: 16 * 1024 * 1024,
      maxInflatedBytes: 32 * 1024 * 1024,
      maxInflightBytes: 64 * 1024 * 1024,
      answerWithinMs: 150,
    })
    const held: (() => void)[] = []
    running.log.before = () =>
      new Promise((resolve) => {
        held.push(resolve)
      })
    // More than what is under way at once.
    const answer = await send(running.otlp, {
      path: '/v1/logs',
      headers: asProtobuf,
      body: protobuf(...Array.from({ length: 1100 }, () => 'x'.repeat(9000))),
    })
    expect(answer.status).toBe(503)
    const underway = held.length
    running.log.before = null
    for (const release of held) release()
    await eventually(() => running.ingest.stats().inflightBytes === 0, 'the bytes are given back')
    expect(running.log.messages.length).toBe(underway)
    // Two records each.
    expect(underway).toBeLessThan(500)
  })
})
