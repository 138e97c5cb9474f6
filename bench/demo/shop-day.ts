// A day of the small shop, played at the product: two hours of past, traffic that goes on, a service that breaks and the alert on it.
import { createProduct, type Product } from '../load/product.ts'
import { createShop, services, type Shop } from './shop.ts'

export const BROKEN = 'payment'
const PAST_MS = 2 * 3_600_000
const PAST_REQUESTS = 6500
const REQUESTS_PER_SECOND = PAST_REQUESTS / (PAST_MS / 1000)

export interface Anomaly {
  anomaly_id: string
  service_id: string
  metric_name: string
  anomaly_score: number
  z_score: number
  detected_at: string
  observed?: number
  expected?: number
}
export interface Incident {
  id: string
  title: string
  status: string
  severity: string
  services: string[]
  signals: { kind: string; id: string; service: string; summary: string }[]
}
export interface Analysis {
  verdict: { cause: { service: string; confidence: number } | null; summary: string }
  causes: { rank: number; service: string; score: number; evidence: { kind: string; statement: string }[] }[]
}

export type Say = (text: string) => void
export const createSay =
  (begunMs: number): Say =>
  (text) =>
    console.log(`${((Date.now() - begunMs) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export const get = async <T>(product: Product, path: string): Promise<T> => {
  const response = await product.api(path)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}
export const post = async (url: string, token: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const playPast = async (shop: Shop, random: () => number, say: Say): Promise<void> => {
  const end = Date.now()
  let records = 0
  for (let index = 0; index < PAST_REQUESTS; index++) {
    records += shop.request(end - PAST_MS + ((index + random()) / PAST_REQUESTS) * PAST_MS, null)
    if (index % 400 === 399) {
      await shop.flush()
      if (index % 1600 === 1599) say(`past traffic: ${records} records of ${services.length} services`)
    }
  }
  await shop.flush()
  say(`past traffic sent: ${records} records over two hours`)
}

/** Live traffic until `stop`; the broken service is switched by the caller. */
const playLive = (shop: Shop, random: () => number, state: Live): Promise<void> =>
  (async () => {
    while (!state.stop) {
      shop.request(Date.now(), state.broken)
      await new Promise((resolve) => setTimeout(resolve, (1000 / REQUESTS_PER_SECOND) * (0.5 + random())))
    }
  })()

const sendAlert = async (product: Product, say: Say): Promise<void> => {
  const answer = await post(`${product.addresses().alerts}/api/v1/alerts/webhook`, product.token, {
    version: '4',
    status: 'firing',
    receiver: 'lapwing',
    groupKey: '{}:{alertname="HighErrorRate"}',
    groupLabels: { alertname: 'HighErrorRate' },
    commonLabels: { alertname: 'HighErrorRate' },
    commonAnnotations: {},
    externalURL: '',
    truncatedAlerts: 0,
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'HighErrorRate', service: 'checkout', severity: 'critical' },
        annotations: { summary: 'checkout: more than 5 % of requests fail' },
        startsAt: new Date().toISOString(),
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: '',
        fingerprint: 'c0ffee00c0ffee00',
      },
    ],
  })
  say(`alert HighErrorRate on checkout sent: ${answer.status} ${await answer.text()}`)
}

/** Prints what is new since the last look; true once the incident's analysis names the broken service first. */
export const createWatcher = (product: Product, say: Say): (() => Promise<boolean>) => {
  const seen = new Set<string>()
  return async () => {
    for (const anomaly of (await get<{ anomalies: Anomaly[] }>(product, '/api/v1/anomalies?limit=200')).anomalies) {
      if (seen.has(anomaly.anomaly_id)) continue
      seen.add(anomaly.anomaly_id)
      say(
        `anomaly  ${anomaly.service_id} ${anomaly.metric_name}: z ${anomaly.z_score.toFixed(1)}, score ${anomaly.anomaly_score.toFixed(2)}`,
      )
    }
    const { incidents } = await get<{ incidents: Incident[] }>(product, '/api/v1/incidents')
    for (const incident of incidents) {
      if (seen.has(incident.id)) continue
      seen.add(incident.id)
      say(`incident ${incident.id} opened: ${incident.title} (${incident.severity})`)
    }
    for (const incident of incidents) {
      const analysis = await get<Analysis>(product, `/api/v1/incidents/${incident.id}/analysis`)
      if (analysis.causes[0]?.service === BROKEN && incident.signals.some((one) => one.kind === 'anomaly' && one.service === BROKEN))
        return true
    }
    return false
  }
}

export interface Live {
  broken: string | null
  stop: boolean
}
export interface Day {
  /** Healthy live traffic before the fault, beyond the rest of a bucket. */
  readonly healthyMs: number
  /** What is said when nothing is wrong. */
  readonly allWell: string
  /** Before the traffic; resolves to what ends it. */
  readonly begin?: (product: Product) => Promise<() => void>
  /** From the fault on: resolves to what is not as it should be. */
  readonly act: (product: Product, live: Live) => Promise<readonly string[]>
}

/** Plays the day at a product of its own; resolves to the exit code. */
export const playDay = async (say: Say, day: Day): Promise<number> => {
  const product = createProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  const random = createRandom(20_26)
  const live: Live = { broken: null, stop: false }
  try {
    await product.start()
    say(`lapwing is up: OTLP ${product.addresses().otlp}, API ${product.addresses().api}`)
    const shop = createShop({ endpoint: product.addresses().otlp, token: product.token, random })
    const end = await day.begin?.(product)
    await playPast(shop, random, say)
    const traffic = playLive(shop, random, live)
    await new Promise((resolve) => setTimeout(resolve, day.healthyMs + 10_000 - (Date.now() % 10_000)))
    live.broken = BROKEN
    say(`fault: ${BROKEN} runs out of connections`)
    setTimeout(() => {
      void sendAlert(product, say)
    }, 15_000).unref()
    const problems = await day.act(product, live)
    live.stop = true
    await traffic
    end?.()
    await shop.close().catch(() => undefined)
    for (const problem of problems) say(`NOT AS IT SHOULD BE: ${problem}`)
    if (problems.length === 0) say(day.allWell)
    return problems.length === 0 ? 0 : 1
  } catch (error) {
    say(`failed: ${String(error)}\n${product.output().slice(-4000)}`)
    return 1
  } finally {
    live.stop = true
    await product.dispose()
  }
}
