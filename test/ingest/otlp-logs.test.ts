import { readFileSync, readdirSync } from 'node:fs'
import zlib from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodeRequest } from '../support/otlp-encode.ts'
import { EXPIRED, READER, TOKEN, asJson, asProtobuf, bearer, send, startTestIngest } from './harness.ts'
import type { Running } from './harness.ts'

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    timeUnixNano: 1_700_000_000_000_000_000n + BigInt(index),
    body: { stringValue: `record ${index}` },
  }))
const request = (logRecords: object[]) => encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
const three = request(records(3))
const jsonOf = (logRecords: object[]) => JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })

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

const post = (body: Uint8Array | string, headers: Record<string, string> = asProtobuf, path = '/v1/logs') =>
  send(running.otlp, { path, headers, body })

describe('accepted OTLP logs', () => {
  it('answers protobuf with an empty response once the untouched body is appended with its envelope', async () => {
    const before = Date.now()
    const answer = await post(three)
    expect([answer.status, answer.headers['content-type'], answer.body.length]).toEqual([200, 'application/x-protobuf', 0])
    const [message] = running.log.messages
    expect(Buffer.from(message.body).equals(three)).toBe(true)
    expect(message.envelope).toMatchObject({
      signal: 'otlp_logs',
      format: 'protobuf',
      compression: 'identity',
      tenant: 'acme',
      tokenId: 't1',
      recordCount: 3,
      inflatedBytes: three.length,
      rejected: [],
      subject: '',
    })
    expect(message.envelope.receivedAtMs).toBeGreaterThanOrEqual(before)
    expect(message.envelope.expandedBytes).toBeGreaterThan(3 * 128)
  })

  it('answers JSON with JSON, on the prefixed path too, charset and case of the header aside', async () => {
    const answer = await post(
      jsonOf([{ body: { stringValue: 'x' } }]),
      { ...bearer, 'content-type': 'Application/JSON; charset=utf-8' },
      '/api/v1/otlp/v1/logs',
    )
    expect([answer.status, answer.headers['content-type'], answer.json]).toEqual([200, 'application/json', { partialSuccess: {} }])
    expect(running.log.messages[0].envelope).toMatchObject({ format: 'json', recordCount: 1 })
  })

  it('takes every encoding and stores the bytes compressed as they came', async () => {
    const bodies: Record<string, Uint8Array> = {
      gzip: zlib.gzipSync(three),
      zstd: zlib.zstdCompressSync(three),
      deflate: zlib.deflateSync(three),
      zlib: zlib.deflateSync(three),
      br: zlib.brotliCompressSync(three),
      snappy: compressSync(Buffer.from(three)),
      lz4: compressFrameSync(Buffer.from(three)),
      identity: three,
      '': three,
    }
    for (const [encoding, body] of Object.entries(bodies)) {
      const answer = await post(body, { ...asProtobuf, 'content-encoding': encoding })
      expect(answer.status, encoding).toBe(200)
      const message = running.log.messages.at(-1)!
      expect(Buffer.from(message.body).equals(body), encoding).toBe(true)
      expect(message.envelope, encoding).toMatchObject({ recordCount: 3, inflatedBytes: three.length })
    }
  })

  it('takes the recorded requests of real clients', async () => {
    const folder = new URL('../fixtures/clients/', import.meta.url)
    let taken = 0
    for (const client of readdirSync(folder)) {
      for (const file of readdirSync(new URL(`${client}/`, folder)).filter((name) => name.endsWith('.json'))) {
        const recorded = JSON.parse(readFileSync(new URL(`${client}/${file}`, folder), 'utf8')) as {
          path: string
          headers: Record<string, string>
        }
        if (!recorded.path.endsWith('/v1/logs')) continue
        const body = readFileSync(new URL(`${client}/${file.replace(/json$/, 'bin')}`, folder))
        const lower = Object.fromEntries(Object.entries(recorded.headers).map(([name, value]) => [name.toLowerCase(), value]))
        if (!/json|protobuf/.test(lower['content-type'] ?? '')) continue
        const headers = {
          ...asProtobuf,
          'content-type': lower['content-type'],
          ...(lower['content-encoding'] ? { 'content-encoding': lower['content-encoding'] } : {}),
          ...(lower.upgrade ? { connection: 'Upgrade', upgrade: lower.upgrade } : {}),
        }
        const answer = await send(
          running.otlp,
          lower['transfer-encoding'] ? { path: recorded.path, headers, chunks: [body] } : { path: recorded.path, headers, body },
        )
        expect(answer.status, `${client}/${file} ${answer.body.toString()}`).toBe(200)
        taken++
      }
    }
    expect(taken).toBeGreaterThan(20)
    expect(running.log.messages.every((message) => message.envelope.recordCount > 0)).toBe(true)
  })

  it('puts what comes within a while into one partition, so that it becomes one range', async () => {
    for (let index = 0; index < 4; index++) await post(three)
    expect(new Set(running.log.messages.map((message) => message.partition)).size).toBe(1)
  })

  it('answers a request without records with success and appends nothing', async () => {
    expect((await post(new Uint8Array(0))).status).toBe(200)
    expect((await post('{}', asJson)).json).toEqual({ partialSuccess: {} })
    expect(running.log.messages).toEqual([])
  })

  it('rejects single records through partial_success and carries their indices', async () => {
    const mixed = [...records(1), { ...records(1)[0], traceId: new Uint8Array(5) }, ...records(1)]
    const answer = await post(request(mixed))
    expect(answer.status).toBe(200)
    const text = 'record rejected: trace_id is not 16 bytes'
    expect(answer.body.toString('latin1')).toContain(text)
    expect([...answer.body.subarray(0, 4)]).toEqual([10, answer.body.length - 2, 8, 1])
    expect(running.log.messages[0].envelope).toMatchObject({ recordCount: 3, rejected: [1] })
    const inJson = await post(jsonOf([{ body: { stringValue: 'x' } }, { traceId: 'abcd' }]), asJson)
    expect(inJson.json).toEqual({ partialSuccess: { rejectedLogRecords: '1', errorMessage: expect.stringContaining(text) } })
    const none = await post(jsonOf([{ traceId: 'abcd' }]), asJson)
    expect([none.status, none.json.partialSuccess.rejectedLogRecords, running.log.messages.length]).toEqual([200, '1', 2])
  })

  it('is counted: received = accepted + rejected, bytes, latency', async () => {
    const before = running.ingest.stats().signals.otlp_logs
    await post(request([...records(2), { traceId: new Uint8Array(1) }]))
    const after = running.ingest.stats().signals.otlp_logs
    expect([after.received - before.received, after.accepted - before.accepted, after.requests - before.requests]).toEqual([3, 2, 1])
    expect(after.received).toBe(after.accepted + Object.values(after.rejected).reduce((sum, count) => sum + count, 0))
    expect(after.latencyCounts.reduce((sum, count) => sum + count, 0)).toBe(after.requests)
    expect(running.ingest.stats().inflightBytes).toBe(0)
  })
})

describe('refused OTLP logs', () => {
  it('answers google.rpc.Status in the encoding of the request', async () => {
    const inProtobuf = await post(Uint8Array.of(10, 200))
    expect([inProtobuf.status, inProtobuf.headers['content-type']]).toEqual([400, 'application/x-protobuf'])
    expect([...inProtobuf.body.subarray(0, 4)]).toEqual([8, 3, 18, inProtobuf.body.length - 4])
    const inJson = await post('{"resourceLogs": 7}', asJson)
    expect([inJson.status, inJson.headers['content-type'], inJson.json]).toEqual([
      400,
      'application/json',
      { code: 3, message: expect.any(String) },
    ])
    expect((await post('{', asJson)).status).toBe(400)
    expect((await post('not gzip', { ...asProtobuf, 'content-encoding': 'gzip' })).status).toBe(400)
    expect(running.log.messages).toEqual([])
  })

  it('needs a token that is known, in force and may write logs', async () => {
    const statuses: [Record<string, string>, number, number][] = [
      [{}, 401, 16],
      [{ authorization: `Bearer ${TOKEN}x` }, 401, 16],
      [{ authorization: `Bearer ${EXPIRED}` }, 401, 16],
      [{ authorization: 'Basic abc' }, 401, 16],
      [{ authorization: `Bearer ${READER}` }, 403, 7],
    ]
    for (const [headers, status, code] of statuses) {
      const answer = await post('{}', { 'content-type': 'application/json', ...headers })
      expect([answer.status, answer.json.code], JSON.stringify(headers)).toEqual([status, code])
      expect(answer.headers['www-authenticate'] ?? '').toContain(status === 401 ? 'Bearer' : '')
    }
    for (const headers of [{ authorization: `bEARER  ${TOKEN}` }, { 'x-api-key': TOKEN }] as Record<string, string>[]) {
      expect((await post('{}', { 'content-type': 'application/json', ...headers })).status).toBe(200)
    }
  })

  it('names what it accepts on 415 and 405', async () => {
    for (const type of [{}, { 'content-type': 'text/html' }, { 'content-type': 'constructor' }] as Record<string, string>[]) {
      const answer = await post('{}', { ...bearer, ...type })
      expect([answer.status, answer.json.message]).toEqual([415, 'Content-Type must be application/x-protobuf or application/json'])
    }
    const encoded = await post('{}', { ...asJson, 'content-encoding': 'compress' })
    expect([encoded.status, encoded.json.message]).toEqual([415, expect.stringContaining('x-snappy-framed')])
    const get = await send(running.otlp, { method: 'GET', path: '/v1/logs' })
    expect([get.status, get.headers.allow, get.json.code]).toEqual([405, 'POST', 12])
  })

  it('answers metrics with 404 and the setting that stops them', async () => {
    for (const prefix of ['', '/api/v1/otlp']) {
      const answer = await post('{}', asJson, `${prefix}/v1/metrics`)
      expect([answer.status, answer.json]).toEqual([404, { code: 5, message: expect.stringContaining('OTEL_METRICS_EXPORTER=none') }])
    }
    expect((await post('{}', asJson, '/v2/logs')).json).toMatchObject({ code: 'NOT_FOUND', request_id: expect.any(String) })
    expect((await post(three, asProtobuf, '/logs')).headers['content-type']).toBe('application/x-protobuf')
  })

  it('bounds what a body inflates to, in every encoding', async () => {
    const bomb = Buffer.alloc(8 * 1024 * 1024)
    for (const [encoding, body] of Object.entries({
      gzip: zlib.gzipSync(bomb),
      zstd: zlib.zstdCompressSync(bomb),
      deflate: zlib.deflateSync(bomb),
      br: zlib.brotliCompressSync(bomb),
      snappy: compressSync(bomb),
      lz4: compressFrameSync(bomb),
    })) {
      const answer = await post(body, { ...asJson, 'content-encoding': encoding })
      expect([answer.status, answer.json.message], encoding).toEqual([413, expect.stringContaining('LAPWING_MAX_INFLATED_BYTES')])
    }
    expect(running.ingest.stats().inflightBytes).toBe(0)
  })

  it('scans large JSON beside the ingest thread with the same outcome', async () => {
    const many = Array.from({ length: 4000 }, (_, index) => ({
      body: { stringValue: `record ${index} ${'x'.repeat(40)}` },
      ...(index === 7 ? { traceId: 'ab' } : {}),
    }))
    const answer = await post(jsonOf(many), asJson)
    expect([answer.status, answer.json.partialSuccess.rejectedLogRecords]).toEqual([200, '1'])
    expect(running.log.messages[0].envelope).toMatchObject({ recordCount: 4000, rejected: [7] })
    expect((await post(jsonOf(many).slice(0, -3), asJson)).status).toBe(400)
  })
})
