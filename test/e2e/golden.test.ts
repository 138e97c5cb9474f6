// Every recorded request of a real client against one running product that holds nothing else: the answer that its client expects, and what was sent
// read back from the store and from the API, as a plain reference decoder of our own says it.
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import { jsonToRequest } from '../support/otlp-json-request.ts'
import { referenceRows } from '../support/otlp-reference.ts'
import type { ReferenceRow } from '../support/otlp-reference.ts'
import { inflateRecorded, readRecordedRequests, replay } from '../support/recorded-requests.ts'
import type { RawAnswer, RecordedRequest } from '../support/recorded-requests.ts'
import { readStoredRequests } from '../support/stored-rows.ts'
import { openTarget, type Target } from '../support/target.ts'

const DAY_MS = 86_400_000
const recorded = readRecordedRequests()
const logs = recorded.filter((one) => one.path.endsWith('/v1/logs'))
const heartbeats = recorded.filter((one) => one.path.startsWith('/heartbeat/'))
const named = (name: string): RecordedRequest => recorded.find((one) => one.name === name)!
const isJson = (one: RecordedRequest): boolean => one.header('content-type').includes('json')

/** What no reference can know: the receive time, which stands in for a time that is missing or too old to be believed by now. */
const RECEIVE_TIME = -1n
const sentAtMs = Date.now()
const masked = (nanos: bigint): bigint =>
  nanos >= BigInt(sentAtMs) * 1_000_000n && nanos <= BigInt(sentAtMs + 180_000) * 1_000_000n ? RECEIVE_TIME : nanos
const comparable = (rows: readonly ReferenceRow[]): ReferenceRow[] =>
  rows.map((row) => ({ ...row, Timestamp: masked(row.Timestamp), ObservedTimestamp: masked(row.ObservedTimestamp) }))
const expectedRows = (one: RecordedRequest): ReferenceRow[] => {
  const body = isJson(one) ? encodeRequest(jsonToRequest(inflateRecorded(one).toString())) : inflateRecorded(one)
  return comparable(referenceRows(body, { receivedAtMs: sentAtMs, maxAheadMs: DAY_MS, retentionMs: 30 * DAY_MS }))
}

let product: Target
const answers = new Map<string, RawAnswer>()
const expected = new Map<string, ReferenceRow[]>()
let stored: ReferenceRow[][] = []

beforeAll(async () => {
  product = await openTarget()
  for (const one of logs) {
    answers.set(one.name, await replay(one, { address: product.addresses().otlp, path: one.path, token: product.token }))
    expected.set(one.name, expectedRows(one))
  }
  const total = [...expected.values()].reduce((sum, rows) => sum + rows.length, 0)
  const count = async (): Promise<number> =>
    (await product.select<{ records: number }>('SELECT count() AS records FROM otel_logs'))[0].records
  await until(`${total} records are stored`, 30_000, async () => (await count()) >= total)
  stored = (await readStoredRequests(product.select, '1')).map(comparable)
}, 100_000)
afterAll(() => product.dispose())

describe('a recorded request of logs', () => {
  it.each(logs.map((one) => one.name))('%s gets success in its own encoding', (name) => {
    const { status, headers, body } = answers.get(name)!
    const json = isJson(named(name))
    expect([status, headers.get('content-type'), body.toString()]).toEqual([
      200,
      json ? 'application/json' : 'application/x-protobuf',
      json ? '{"partialSuccess":{}}' : '',
    ])
  })

  it.each(logs.filter((one) => one.name !== 'curl/req3').map((one) => one.name))('%s is stored once and as sent', (name) => {
    const rows = expected.get(name)!
    expect(rows.length).toBeGreaterThan(0)
    // The Collector's cases carry the same records, only compressed differently: as many stored requests as sent ones are alike.
    const alike = [...expected.values()].filter((other) => isDeepStrictEqual(other, rows)).length
    const found = stored.filter((candidate) => isDeepStrictEqual(candidate, rows))
    if (found.length === 0) expect(stored.filter(([first]) => first.ServiceName === rows[0].ServiceName)).toContainEqual(rows)
    expect(found).toHaveLength(alike)
  })

  it('of curl holds no record, and nothing is stored that was not sent', () => {
    expect(expected.get('curl/req3')).toEqual([])
    expect(stored.flat()).toHaveLength([...expected.values()].flat().length)
  })

  it('is found by the API: every record with its time, severity, body, attributes, resource and trace', async () => {
    interface Event {
      ts: string
      observedTs: string
      severityNumber: number
      service: string
      message: string
      traceId?: string
      spanId?: string
      eventName?: string
      attrs: object
      resource: object
    }
    const nanosOf = (text: string): bigint => BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1_000_000n + BigInt(text.slice(20, 29))
    const toText = (fields: unknown[]): string =>
      JSON.stringify(fields, (_key, value: unknown) =>
        typeof value === 'bigint'
          ? String(value)
          : value !== null && typeof value === 'object' && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).sort())
            : value,
      )
    const response = await product.api('/api/v1/logs/search?from=2026-01-01T00:00:00Z&to=2200-01-01T00:00:00Z&limit=1000')
    expect(response.status).toBe(200)
    const { events } = (await response.json()) as { events: Event[] }
    const wanted = [...expected.values()]
      .flat()
      .map((row) =>
        toText([
          row.Timestamp,
          row.ObservedTimestamp,
          row.SeverityNumber,
          row.ServiceName,
          row.Body,
          row.TraceId,
          row.SpanId,
          row.EventName,
          row.LogAttributes,
          row.ResourceAttributes,
        ]),
      )
    const seen = events.map((event) =>
      toText([
        masked(nanosOf(event.ts)),
        masked(nanosOf(event.observedTs)),
        event.severityNumber,
        event.service,
        event.message,
        event.traceId ?? '',
        event.spanId ?? '',
        event.eventName ?? '',
        event.attrs,
        event.resource,
      ]),
    )
    expect(seen.sort()).toEqual(wanted.sort())
  })
})

describe('a recorded heartbeat', () => {
  let path = ''
  beforeAll(async () => {
    const made = await product.api('/api/v1/monitors', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'recorded', type: 'heartbeat', intervalSec: 3600 }),
    })
    const { id } = (await made.json()) as { id: string }
    path = new URL(((await (await product.api(`/api/v1/monitors/${id}/secrets`)).json()) as { heartbeatUrl: string }).heartbeatUrl).pathname
  })

  it.each(heartbeats.map((one) => one.name))('%s gets 204 without a token', async (name) => {
    let answer = await replay(named(name), { address: product.addresses().otlp, path, token: '' })
    // Made in one process, a token is known in the others within a second.
    await until('the token is known', 5_000, async () => {
      if (answer.status === 404) answer = await replay(named(name), { address: product.addresses().otlp, path, token: '' })
      return answer.status !== 404
    })
    expect([answer.status, answer.body.length]).toEqual([204, 0])
  })

  it('is a hit of its monitor', async () => {
    await until('the hits are seen', 15_000, async () => {
      const { monitors } = (await (await product.api('/api/v1/monitors')).json()) as { monitors: { name: string; status: string }[] }
      return monitors.find((one) => one.name === 'recorded')?.status === 'up'
    })
  })
})

describe('a recorded alert', () => {
  interface Incident {
    status: string
    services: string[]
    autoResolved: boolean
    signals: { kind: string; id: string; summary: string; startedAt: string }[]
  }
  interface Anomaly {
    anomaly_id: string
    service_id: string
    metric_name: string
    kind: string
    resolved: boolean
    started_at: string
    rca_triggered: boolean
  }
  const send = async (one: RecordedRequest): Promise<unknown> => {
    const answer = await replay(one, { address: product.addresses().alerts, path: one.path, token: product.token })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    return JSON.parse(answer.body.toString())
  }
  const incidentOf = async (service: string): Promise<Incident | undefined> =>
    ((await (await product.api('/api/v1/incidents')).json()) as { incidents: Incident[] }).incidents.find((one) =>
      one.services.includes(service),
    )
  const anomaliesOf = async (service: string): Promise<Anomaly[]> =>
    ((await (await product.api(`/api/v1/anomalies?service_id=${service}`)).json()) as { anomalies: Anomaly[] }).anomalies

  it('of Alertmanager, firing: an anomaly and an open incident with its summary; resolved: both end', async () => {
    const answer = (await send(named('alertmanager/firing'))) as { anomaly_id: string }
    expect(answer).toEqual({ status: 'ok', rca_triggered: true, anomaly_id: expect.stringMatching(/^anom-/) as unknown })
    await until('the incident is open', 15_000, async () => (await incidentOf('checkout'))?.status === 'open')
    expect((await incidentOf('checkout'))!.signals).toEqual([
      expect.objectContaining({
        kind: 'alert',
        id: answer.anomaly_id,
        summary: expect.stringContaining('5xx > 5%') as unknown,
        startedAt: '2026-11-23T14:37:51.941Z',
      }),
    ])
    expect(await anomaliesOf('checkout')).toEqual([
      expect.objectContaining({ anomaly_id: answer.anomaly_id, metric_name: 'HighErrorRate', resolved: false, rca_triggered: true }),
    ])
    expect(await send(named('alertmanager/resolved'))).toEqual({ status: 'ok', rca_triggered: false, anomaly_id: answer.anomaly_id })
    await until('the incident is resolved', 15_000, async () => (await incidentOf('checkout'))?.status === 'resolved')
    await until('the anomaly is resolved', 15_000, async () => (await anomaliesOf('checkout'))[0].resolved)
    expect((await incidentOf('checkout'))!.autoResolved).toBe(true)
  })

  it('of Prometheus, through Alertmanager and straight, is the same alert: it ends when its endsAt has passed and is active while that is ahead', async () => {
    await send(named('alertmanager/from_prometheus'))
    await until('the incident is open', 15_000, async () => (await incidentOf('cart'))?.status === 'open')
    const straight = named('prometheus/alertmanager_api_v2')
    const [sent] = JSON.parse(straight.body.toString()) as { startsAt: string; endsAt: string }[]
    const at = (startsAt: number, endsAt: number): RecordedRequest => ({
      ...straight,
      body: Buffer.from(
        straight.body
          .toString()
          .replace(sent.startsAt, new Date(startsAt).toISOString())
          .replace(sent.endsAt, new Date(endsAt).toISOString()),
      ),
    })
    expect(await send(at(Date.now() - 60_000, Date.now() - 1000))).toEqual({ status: 'success' })
    await until('the incident is resolved', 15_000, async () => (await incidentOf('cart'))?.status === 'resolved')
    expect(await send(at(Date.now() - 500, Date.now() + 240_000))).toEqual({ status: 'success' })
    await until('the alert is active again', 15_000, async () =>
      (await anomaliesOf('cart')).some((one) => !one.resolved && one.metric_name === 'AlwaysOn'),
    )
  })
})

it('every recorded request is one of the above', () => {
  expect(
    logs.length +
      heartbeats.length +
      recorded.filter((one) => one.path.endsWith('/alerts/webhook') || one.path === '/api/v2/alerts').length,
  ).toBe(recorded.length)
  expect(recorded.length).toBeGreaterThan(40)
})
