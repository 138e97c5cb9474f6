// What a user does with it, over HTTP alone: in one process, or in a cluster.
import { SeverityNumber } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { openTarget, type Target } from '../support/target.ts'

let product: Target
beforeAll(async () => {
  product = await openTarget()
})
afterAll(async () => {
  await product.dispose()
})

const search = async (
  query: string,
): Promise<{ events: { message: string; service: string; attrs: Record<string, string>; level: string }[] }> => {
  const response = await product.api(`/api/v1/logs/search?${query}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as never
}

describe('the product', () => {
  it('stores what the OpenTelemetry JavaScript SDK sends and finds it by word, service and attribute', async () => {
    const exporter = new OTLPLogExporter({
      url: `${product.addresses().otlp}/v1/logs`,
      headers: { Authorization: `Bearer ${product.token}` },
    })
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ 'service.name': 'sdk-shop' }),
      processors: [new SimpleLogRecordProcessor({ exporter })],
    })
    provider.getLogger('test').emit({
      body: 'parcel left the warehouse',
      severityNumber: SeverityNumber.WARN,
      severityText: 'WARN',
      attributes: { 'parcel.id': 'p-17', weight: 2.5 },
    })
    await provider.forceFlush()
    await provider.shutdown()
    await until('the record is found', 15_000, async () => (await search('service=sdk-shop')).events.length === 1)
    for (const query of [
      'q=parcel+Warehouse',
      'attr=parcel.id:p-17',
      'severity_min=warn&service=sdk-shop',
      `filter=${encodeURIComponent('parcel.id = p-17 AND severity >= warn AND body ~ "left the WARE"')}`,
    ]) {
      const [event] = (await search(query)).events
      expect(event).toMatchObject({
        message: 'parcel left the warehouse',
        service: 'sdk-shop',
        level: 'warn',
        attrs: { 'parcel.id': 'p-17', weight: '2.5' },
      })
    }
    expect((await search('q=parcel+spaceship')).events).toEqual([])
    expect((await search('filter=NOT+service%3Dsdk-shop+parcel')).events).toEqual([])
    const counted = await product.api('/api/v1/logs/aggregate?metric=count&metric=max&field=weight&by=service&filter=parcel')
    expect(await counted.json()).toMatchObject({ columns: ['service', 'count', 'max'], rows: [['sdk-shop', 1, 2.5]], truncated: false })
    expect((await search('severity_min=error&service=sdk-shop')).events).toEqual([])
  })

  it('walks a cursor over every record once and refuses it for another query', async () => {
    const events = Array.from({ length: 25 }, (_, index) => ({ service: 'pages', message: `page ${index}` }))
    const sent = await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
    })
    expect(await sent.json()).toMatchObject({ accepted: 25, rejected: 0 })
    await until('all are stored', 15_000, async () => (await search('service=pages')).events.length === 25)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = (await search(`service=pages&limit=10${cursor === undefined ? '' : `&cursor=${cursor}`}`)) as unknown as {
        events: { message: string }[]
        nextCursor?: string
      }
      seen.push(...page.events.map((event) => event.message))
      const other = await product.api(`/api/v1/logs/search?service=other&cursor=${page.nextCursor ?? 'x'}`)
      expect(other.status).toBe(400)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(25)
    expect(seen).toHaveLength(25)
  })

  it('shows a message of a new release as new within seconds, beside what was there before', async () => {
    const send = async (messages: readonly object[]): Promise<void> => {
      const sent = await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
        method: 'POST',
        headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(messages.map((message) => ({ service: 'released', ...message }))),
      })
      expect(sent.status).toBe(200)
    }
    interface Pattern {
      template: string
      count: number
      baselineCount: number
      new: boolean
      severity: string
      example: { message: string; link: string }
      link: string
    }
    const patterns = async (): Promise<Pattern[]> =>
      ((await (await product.api('/api/v1/logs/patterns?service=released&from=now-10m')).json()) as { patterns: Pattern[] }).patterns
    const old = (n: number, minutes: number): object => ({
      message: `order ${n} shipped to anna in ${n}.5 ms`,
      timestamp: new Date(Date.now() - minutes * 60_000).toISOString(),
    })
    await send([...Array.from({ length: 20 }, (_, n) => old(n, 15)), ...Array.from({ length: 20 }, (_, n) => old(n, 1))])
    await until('the old one is there', 15_000, async () => (await patterns()).length === 1)
    const sentAt = Date.now()
    await send(
      [0, 1, 2].map((n) => ({ message: `cannot reserve stock of item ${n}: version 2 of "catalogue" expected`, severity: 'error' })),
    )
    await until('the new one is there', 15_000, async () => (await patterns()).length === 2)
    expect(Date.now() - sentAt).toBeLessThan(10_000)
    const [fresh, known] = await patterns()
    expect(fresh).toMatchObject({
      template: 'cannot reserve stock of item <num>: version <num> of <str> expected',
      count: 3,
      baselineCount: 0,
      new: true,
      severity: 'error',
    })
    expect(known).toMatchObject({ template: 'order <num> shipped to anna in <num> ms', count: 20, baselineCount: 20, new: false })
    expect(await (await product.api(fresh.example.link)).json()).toMatchObject({ message: fresh.example.message, service: 'released' })
    expect(((await (await product.api(fresh.link)).json()) as { events: unknown[] }).events).toHaveLength(3)
  })

  it('opens an incident for a firing alert and resolves it when the alert does', async () => {
    const alert = {
      labels: { alertname: 'DiskFull', service: 'disk', severity: 'critical' },
      annotations: { summary: 'disk is full' },
      startsAt: new Date().toISOString(),
    }
    const send = (status: string): Promise<Response> =>
      fetch(`${product.addresses().alerts}/api/v1/alerts/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          version: '4',
          alerts: [{ ...alert, status, endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : new Date().toISOString() }],
        }),
      })
    expect(await (await send('firing')).json()).toMatchObject({
      status: 'ok',
      rca_triggered: true,
      anomaly_id: expect.stringMatching(/^anom-/) as unknown,
    })
    const find = async (): Promise<{ id: string; status: string; autoResolved: boolean } | undefined> =>
      (
        (await (await product.api('/api/v1/incidents')).json()) as {
          incidents: { id: string; status: string; autoResolved: boolean; services: string[] }[]
        }
      ).incidents.find((one) => one.services.includes('disk'))
    await until('the incident is open', 15_000, async () => (await find())?.status === 'open')
    const analysis = await product.api(`/api/v1/incidents/${(await find())!.id}/analysis`)
    expect(analysis.status).toBe(200)
    await send('resolved')
    await until('the incident is resolved', 15_000, async () => (await find())?.status === 'resolved')
    expect((await find())!.autoResolved).toBe(true)
  })

  it('answers a heartbeat of a known token only, at once after it was made and never after it was deleted', async () => {
    const made = await product.api('/api/v1/monitors', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'backup', type: 'heartbeat', intervalSec: 60 }),
    })
    const { id } = (await made.json()) as { id: string }
    const { heartbeatUrl } = (await (await product.api(`/api/v1/monitors/${id}/secrets`)).json()) as { heartbeatUrl: string }
    if (product.isCluster)
      await until('its token is known', 5000, async () => (await fetch(heartbeatUrl, { method: 'POST' })).status === 204)
    for (const method of ['POST', 'GET', 'HEAD']) expect((await fetch(heartbeatUrl, { method })).status).toBe(204)
    await until(
      'the hit is seen',
      15_000,
      async () => ((await (await product.api(`/api/v1/monitors/${id}`)).json()) as { status: string }).status === 'up',
    )
    expect((await product.api(`/api/v1/monitors/${id}`, { method: 'DELETE' })).status).toBe(204)
    // At once in this process, within a second in others.
    await until(
      'its token is unknown',
      product.isCluster ? 5000 : 1000,
      async () => (await fetch(heartbeatUrl, { method: 'POST' })).status === 404,
    )
  })
})
