// Heartbeats and alerts over HTTP.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createFiringMemory } from '../../ingest/firing-memory.ts'
import { anomalyIdOf } from '../../streams/alerts.ts'
import { TransientError } from '../../streams/contracts/errors.ts'
import { partitionOf, subjectKey } from '../../streams/partition.ts'
import { HEARTBEAT, READER, SLOW, TOKEN, bearer, send, startTestIngest } from './harness.ts'
import type { Running } from './harness.ts'

let running: Running
afterEach(() => running.ingest.close())

describe('heartbeats', () => {
  const hit = (token: string, method = 'POST', body = '') => send(running.otlp, { method, path: `/api/v1/heartbeats/${token}`, body })

  it('answer 204 to POST, GET and HEAD with any body once the hit is durable', async () => {
    running = await startTestIngest()
    for (const [method, body] of [
      ['POST', '{"ok":true}'],
      ['POST', '\u0000'],
      ['GET', ''],
      ['HEAD', ''],
    ]) {
      const answer = await hit(HEARTBEAT, method, body)
      expect([answer.status, answer.body.length]).toEqual([204, 0])
    }
    expect(running.log.messages.length).toBe(4)
    for (const { envelope, body, partition } of running.log.messages) {
      expect(envelope).toMatchObject({ signal: 'heartbeat', format: 'none', tenant: 'acme', subject: 'mon-1', recordCount: 1 })
      expect([body.length, partition]).toEqual([0, partitionOf(subjectKey('acme', 'mon-1'), 2)])
    }
    expect(running.ingest.stats().signals.heartbeat).toMatchObject({ received: 4, accepted: 4 })
  })

  it('answer 404 to unknown tokens, 429 after many guesses, and still 204 to known ones', async () => {
    running = await startTestIngest()
    const statuses: number[] = []
    for (let guess = 0; guess < 25; guess++) statuses.push((await hit(guess % 2 ? 'x' : guess.toString(16).padStart(64, '0'))).status)
    expect([statuses[0], statuses[1], statuses.at(-1)]).toEqual([404, 404, 429])
    expect((await hit('x')).headers['retry-after']).toBe('3')
    expect((await hit(HEARTBEAT)).status).toBe(204)
    expect((await send(running.otlp, { method: 'DELETE', path: `/api/v1/heartbeats/${HEARTBEAT}` })).headers.allow).toBe('POST, GET, HEAD')
  })

  it('answer 503 while the log is full', async () => {
    running = await startTestIngest()
    running.log.before = () => Promise.reject(new TransientError('LOG_FULL', 'full'))
    const answer = await hit(HEARTBEAT)
    expect([answer.status, answer.json.code, answer.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
  })
})

describe('alerts', () => {
  const fixture = (name: string) => readFileSync(new URL(`../fixtures/clients/${name}`, import.meta.url))
  const webhook = (body: Uint8Array | string, headers: Record<string, string> = {}) =>
    send(running.alerts, { path: '/api/v1/alerts/webhook', headers: { 'content-type': 'application/json', ...headers }, body })

  it('say the episode and whether it is news: a repeat, a resolved one and its return', async () => {
    running = await startTestIngest()
    const firing = fixture('alertmanager/firing.bin')
    const anomalyId = anomalyIdOf('default', '7d2d332feada5c59', '2026-11-23T14:37:51.941008904Z')
    const expectAnswer = async (body: Uint8Array, news: boolean): Promise<void> => {
      expect((await webhook(body)).json).toEqual({
        status: 'ok',
        rca_triggered: news,
        anomaly_id: expect.stringMatching(/^anom-[0-9a-f]{12}$/),
      })
    }
    expect((await webhook(firing)).json).toEqual({ status: 'ok', rca_triggered: true, anomaly_id: anomalyId })
    await expectAnswer(firing, false)
    await expectAnswer(fixture('alertmanager/resolved.bin'), false)
    await expectAnswer(firing, true)
    expect(running.log.messages.map(({ envelope, partition }) => [envelope.signal, envelope.tenant, partition])).toEqual(
      Array.from({ length: 4 }, () => ['alertmanager', 'default', partitionOf('default', 2)]),
    )
    expect(Buffer.from(running.log.messages[0].body).equals(firing)).toBe(true)
  })

  it('are not remembered as firing when they were not stored', async () => {
    running = await startTestIngest()
    running.log.before = () => Promise.reject(new TransientError('LOG_FULL', 'full'))
    expect((await webhook(fixture('alertmanager/firing.bin'))).status).toBe(503)
    running.log.before = null
    expect((await webhook(fixture('alertmanager/firing.bin'))).json.rca_triggered).toBe(true)
  })

  it('from Prometheus are taken as they are', async () => {
    running = await startTestIngest()
    const answer = await send(running.alerts, {
      path: '/api/v2/alerts',
      headers: { 'content-type': 'application/json' },
      body: fixture('prometheus/alertmanager_api_v2.bin'),
    })
    expect([answer.status, answer.json]).toEqual([200, { status: 'success' }])
    expect(running.log.messages[0].envelope).toMatchObject({ signal: 'prometheus_alerts', format: 'json', recordCount: 1 })
  })

  it('belong to the tenant of their token; a wrong one is refused on loopback too', async () => {
    running = await startTestIngest()
    const body = fixture('alertmanager/firing.bin')
    expect((await webhook(body, bearer)).status).toBe(200)
    expect(running.log.messages[0].envelope).toMatchObject({ tenant: 'acme', tokenId: 't1' })
    expect((await webhook(body, { authorization: `Bearer ${TOKEN}x` })).status).toBe(401)
    expect((await webhook(body, { authorization: `Bearer ${READER}` })).json.code).toBe('PAT_SCOPE_INSUFFICIENT')
  })

  it('need a token once the listener is not loopback, unless it is open', async () => {
    running = await startTestIngest({ alertsListen: { host: '0.0.0.0', port: 0 } })
    const body = fixture('alertmanager/firing.bin')
    const refused = await webhook(body)
    expect([refused.status, refused.json.code, refused.headers['www-authenticate']]).toEqual([
      401,
      'UNAUTHENTICATED',
      expect.stringContaining('Bearer'),
    ])
    expect((await webhook(body, bearer)).status).toBe(200)
    await running.ingest.close()
    running = await startTestIngest({ alertsListen: { host: '0.0.0.0', port: 0 }, alertsOpen: true })
    expect((await webhook(body)).status).toBe(200)
  })

  it('of a token that sends too fast are refused as what Alertmanager sends again', async () => {
    running = await startTestIngest()
    const answers = await Promise.all([1, 2].map(() => webhook('{"alerts":[]}', { authorization: `Bearer ${SLOW}` })))
    const refused = answers.find(({ status }) => status !== 200)!
    expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
  })

  it('that inflate to more than alerts may be are refused by their size', async () => {
    running = await startTestIngest({ maxInflatedBytes: 8 * 1024 * 1024 })
    const large = await webhook(gzipSync(Buffer.alloc(5 * 1024 * 1024, ' ')), { 'content-encoding': 'gzip' })
    expect([large.status, large.json.code]).toEqual([413, 'BODY_TOO_LARGE'])
  })

  it('that are none get 400 with a hint and an empty list is fine', async () => {
    running = await startTestIngest()
    const custom = await webhook('{"text":"custom"}')
    expect([custom.status, custom.json]).toEqual([
      400,
      expect.objectContaining({ code: 'BAD_JSON', hint: expect.stringContaining('version 4') }),
    ])
    expect((await webhook('{"alerts":[]}')).json).toEqual({ status: 'ok', rca_triggered: false, anomaly_id: null })
    expect((await webhook('{}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect(running.log.messages).toEqual([])
  })

  it('port answers health', async () => {
    running = await startTestIngest()
    for (const path of ['/-/healthy', '/-/ready']) {
      expect((await send(running.alerts, { method: 'GET', path })).status).toBe(200)
      const head = await send(running.alerts, { method: 'HEAD', path })
      expect([head.status, head.body.length]).toEqual([200, 0])
    }
    expect((await send(running.otlp, { method: 'GET', path: '/health/live' })).json).toEqual({ status: 'live' })
    expect((await send(running.alerts, { method: 'GET', path: '/nothing' })).json.code).toBe('NOT_FOUND')
  })
})

describe('the memory of firing alerts', () => {
  it('is bounded, forgets the one unseen longest, and everything after 9 h', () => {
    const memory = createFiringMemory(2)
    memory.firing('t', 'a', 0)
    memory.firing('t', 'b', 1)
    memory.firing('t', 'a', 2)
    memory.firing('t', 'c', 3)
    expect(['a', 'b', 'c'].map((fingerprint) => memory.isNew('t', fingerprint, 4))).toEqual([false, true, false])
    expect(memory.isNew('t', 'a', 2 + 9 * 3_600_000 + 1)).toBe(true)
    expect(memory.isNew('u', 'a', 4)).toBe(true)
  })
})
