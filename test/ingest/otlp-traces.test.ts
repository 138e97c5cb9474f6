import zlib from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodeRequest } from '../support/otlp-encode.ts'
import type { TestSpan } from '../support/otlp-encode.ts'
import { EXPIRED, READER, TOKEN, asJson, asProtobuf, createLogSink, send, startTestIngest } from './harness.ts'
import type { Running } from './harness.ts'

const spans = (count: number): TestSpan[] =>
  Array.from({ length: count }, (_, n) => ({
    traceId: new Uint8Array(16).fill(n + 1),
    spanId: new Uint8Array(8).fill(n + 1),
    name: `span ${n}`,
    kind: 2,
  }))
const request = (all: readonly TestSpan[]) => encodeRequest({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] })
const jsonOf = (all: readonly object[]) => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] })
const three = request(spans(3))
const span = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), name: 'n' }

let running: Running
beforeAll(async () => {
  running = await startTestIngest()
})
afterAll(async () => {
  await running.ingest.close()
  expect(running.faults).toEqual([])
})
beforeEach(() => {
  running.log.messages.length = 0
})
const post = (body: Uint8Array | string, headers: Record<string, string> = asProtobuf, path = '/v1/traces') =>
  send(running.otlp, { path, headers, body })

describe('accepted OTLP traces', () => {
  it('are appended untouched with their envelope, on both paths and in both encodings', async () => {
    const answer = await post(three)
    expect([answer.status, answer.headers['content-type'], answer.body.length]).toEqual([200, 'application/x-protobuf', 0])
    expect(Buffer.from(running.log.messages[0].body).equals(three)).toBe(true)
    expect(running.log.messages[0].envelope).toMatchObject({
      signal: 'otlp_traces',
      format: 'protobuf',
      compression: 'identity',
      tenant: 'acme',
      tokenId: 't1',
      recordCount: 3,
      inflatedBytes: three.length,
      rejected: [],
    })
    const json = await post(jsonOf([span]), asJson, '/api/v1/otlp/v1/traces')
    expect([json.status, json.headers['content-type'], json.json]).toEqual([200, 'application/json', { partialSuccess: {} }])
    expect(running.log.messages[1].envelope).toMatchObject({ signal: 'otlp_traces', format: 'json', recordCount: 1 })
  })

  it('come in every compression', async () => {
    const bodies: Record<string, Uint8Array> = {
      gzip: zlib.gzipSync(three),
      zstd: zlib.zstdCompressSync(three),
      deflate: zlib.deflateSync(three),
      br: zlib.brotliCompressSync(three),
      snappy: compressSync(Buffer.from(three)),
      lz4: compressFrameSync(Buffer.from(three)),
    }
    for (const [encoding, body] of Object.entries(bodies)) {
      expect((await post(body, { ...asProtobuf, 'content-encoding': encoding })).status, encoding).toBe(200)
      expect(running.log.messages.at(-1)!.envelope, encoding).toMatchObject({ recordCount: 3, inflatedBytes: three.length })
    }
  })

  it('with bad spans among them are told so by rejectedSpans, and counted', async () => {
    const before = running.ingest.stats().signals.otlp_traces
    const answer = await post(request([...spans(2), { ...spans(1)[0], spanId: new Uint8Array(8) }]))
    expect([answer.status, answer.body.includes('1 record rejected: span_id is not 8 bytes or is all zero')]).toEqual([200, true])
    expect([...answer.body.subarray(0, 4)]).toEqual([10, answer.body.length - 2, 8, 1])
    expect(running.log.messages[0].envelope).toMatchObject({ recordCount: 3, rejected: [2] })
    expect((await post(jsonOf([span, { ...span, parentSpanId: 'x' }]), asJson)).json).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('parent_span_id') },
    })
    const { received, accepted, rejected } = running.ingest.stats().signals.otlp_traces
    expect([received - before.received, accepted - before.accepted, rejected]).toEqual([
      5,
      3,
      { invalid_span_id: 1, invalid_parent_span_id: 1 },
    ])
  })

  it('of which none is sound are stored nowhere', async () => {
    expect((await post(jsonOf([{ name: 'no ids' }]), asJson)).json.partialSuccess.rejectedSpans).toBe('1')
    expect(running.log.messages).toEqual([])
  })

  it('that one message cannot hold are cut between spans', async () => {
    const small = await startTestIngest({}, createLogSink(2, 4096))
    try {
      for (const [body, headers] of [
        [request(spans(255)), asProtobuf],
        [jsonOf(Array.from({ length: 300 }, () => span)), asJson],
      ] as const) {
        small.log.messages.length = 0
        expect((await send(small.otlp, { path: '/v1/traces', headers, body })).status).toBe(200)
        expect(small.log.messages.length).toBeGreaterThan(2)
        expect(small.log.messages.every(({ envelope }) => envelope.signal === 'otlp_traces')).toBe(true)
        expect(small.log.messages.reduce((sum, { envelope }) => sum + envelope.recordCount, 0)).toBe(headers === asJson ? 300 : 255)
      }
    } finally {
      await small.ingest.close()
    }
  })
})

describe('refused OTLP traces', () => {
  it('are answered with google.rpc.Status in the encoding of the request', async () => {
    const inProtobuf = await post(Uint8Array.of(10, 200))
    expect([inProtobuf.status, inProtobuf.headers['content-type'], [...inProtobuf.body.subarray(0, 3)]]).toEqual([
      400,
      'application/x-protobuf',
      [8, 3, 18],
    ])
    expect([(await post('{"resourceSpans": 7}', asJson)).json, (await post('{', asJson)).status]).toEqual([
      { code: 3, message: expect.stringContaining('resourceSpans: expected an array') },
      400,
    ])
    const bomb = await post(zlib.gzipSync(Buffer.alloc(8 * 1024 * 1024)), { ...asProtobuf, 'content-encoding': 'gzip' })
    expect([bomb.status, (await post(three, { ...asProtobuf, 'content-type': 'text/plain' })).status]).toEqual([413, 415])
    expect((await send(running.otlp, { method: 'GET', path: '/v1/traces' })).status).toBe(405)
    expect(running.log.messages).toEqual([])
  })

  it('need a token that may write logs', async () => {
    const statuses = [
      [{}, 401],
      [{ authorization: `Bearer ${EXPIRED}` }, 401],
      [{ authorization: `Bearer ${READER}` }, 403],
      [{ authorization: `Bearer ${TOKEN}` }, 200],
    ] as const
    for (const [headers, status] of statuses)
      expect((await post('{}', { 'content-type': 'application/json', ...headers })).status).toBe(status)
  })
})
