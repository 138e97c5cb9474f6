// `npm run demo`: starts the product on a temporary directory, plays a small shop at it with real clients, breaks one
// service, and shows what the product finds. Exit code 0 only when the broken service ranks first, the incident opened and
// nothing else was blamed. At most 120 s.
import { createProduct, until, type Product } from '../load/product.ts'
import { createShop, services, calls, type Shop } from './shop.ts'

const BROKEN = 'payment'
const PAST_MS = 2 * 3_600_000
const PAST_REQUESTS = 6500
const REQUESTS_PER_SECOND = PAST_REQUESTS / (PAST_MS / 1000)
const LIMIT_MS = 118_000
const begunMs = Date.now()

const say = (text: string): void => console.log(`${((Date.now() - begunMs) / 1000).toFixed(1).padStart(6)} s  ${text}`)
const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

interface Anomaly { anomaly_id: string; service_id: string; metric_name: string; anomaly_score: number; z_score: number; detected_at: string; observed?: number; expected?: number }
interface Incident { id: string; title: string; status: string; severity: string; services: string[]; signals: { kind: string; id: string; service: string; summary: string }[] }
interface Analysis { verdict: { cause: { service: string; confidence: number } | null; summary: string }; causes: { rank: number; service: string; score: number; evidence: { kind: string; statement: string }[] }[] }
interface Blast { root: string; impacted: { service: string; relation: string; path: string[] }[] }

const get = async <T>(product: Product, path: string): Promise<T> => {
  const response = await product.api(path)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return await response.json() as T
}
const post = async (url: string, token: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify(body) })

const playPast = async (shop: Shop, random: () => number): Promise<void> => {
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
const playLive = (shop: Shop, random: () => number, state: { broken: string | null; stop: boolean }): Promise<void> => (async () => {
  while (!state.stop) {
    shop.request(Date.now(), state.broken)
    await new Promise((resolve) => setTimeout(resolve, (1000 / REQUESTS_PER_SECOND) * (0.5 + random())))
  }
})()

const startCron = async (product: Product): Promise<() => void> => {
  const { api, otlp } = product.addresses()
  const made = await post(`${api}/api/v1/monitors`, product.token, { name: 'nightly-report', type: 'heartbeat', intervalSec: 30, heartbeatGraceSec: 15 })
  if (made.status !== 201) throw new Error(`monitor: ${made.status} ${await made.text()}`)
  const { id } = await made.json() as { id: string }
  const secrets = await get<{ heartbeatToken: string }>(product, `/api/v1/monitors/${id}/secrets`)
  const beat = (): void => { void fetch(`${otlp}/api/v1/heartbeats/${secrets.heartbeatToken}`, { method: 'POST' }).catch(() => undefined) }
  beat()
  const timer = setInterval(beat, 15_000)
  say('cron job nightly-report: a heartbeat is expected every 30 s')
  return () => clearInterval(timer)
}

const sendAlert = async (product: Product): Promise<void> => {
  const answer = await post(`${product.addresses().alerts}/api/v1/alerts/webhook`, product.token, {
    version: '4', status: 'firing', receiver: 'lapwing', groupKey: '{}:{alertname="HighErrorRate"}', groupLabels: { alertname: 'HighErrorRate' },
    commonLabels: { alertname: 'HighErrorRate' }, commonAnnotations: {}, externalURL: '', truncatedAlerts: 0,
    alerts: [{ status: 'firing', labels: { alertname: 'HighErrorRate', service: 'checkout', severity: 'critical' }, annotations: { summary: 'checkout: more than 5 % of requests fail' },
      startsAt: new Date().toISOString(), endsAt: '0001-01-01T00:00:00Z', generatorURL: '', fingerprint: 'c0ffee00c0ffee00' }],
  })
  say(`alert HighErrorRate on checkout sent: ${answer.status} ${await answer.text()}`)
}

const callersOf = (service: string): Set<string> => {
  const found = new Set([service])
  for (let grown = true; grown;) {
    grown = false
    for (const [caller, callees] of Object.entries(calls)) if (!found.has(caller) && callees.some((callee) => found.has(callee))) { found.add(caller); grown = true }
  }
  return found
}

/** Prints what is new since the last look; true once the incident's analysis names the broken service first. */
const createWatcher = (product: Product): (() => Promise<boolean>) => {
  const seen = new Set<string>()
  return async () => {
    for (const anomaly of (await get<{ anomalies: Anomaly[] }>(product, '/api/v1/anomalies?limit=200')).anomalies) {
      if (seen.has(anomaly.anomaly_id)) continue
      seen.add(anomaly.anomaly_id)
      say(`anomaly  ${anomaly.service_id} ${anomaly.metric_name}: z ${anomaly.z_score.toFixed(1)}, score ${anomaly.anomaly_score.toFixed(2)}`)
    }
    const { incidents } = await get<{ incidents: Incident[] }>(product, '/api/v1/incidents')
    for (const incident of incidents) {
      if (seen.has(incident.id)) continue
      seen.add(incident.id)
      say(`incident ${incident.id} opened: ${incident.title} (${incident.severity})`)
    }
    for (const incident of incidents) {
      const analysis = await get<Analysis>(product, `/api/v1/incidents/${incident.id}/analysis`)
      if (analysis.causes[0]?.service === BROKEN && incident.signals.some((one) => one.kind === 'anomaly' && one.service === BROKEN)) return true
    }
    return false
  }
}

const report = async (product: Product): Promise<string[]> => {
  const problems: string[] = []
  const { incidents } = await get<{ incidents: Incident[] }>(product, '/api/v1/incidents')
  if (incidents.length === 0) problems.push('no incident opened')
  const affected = callersOf(BROKEN)
  for (const incident of incidents) {
    const detail = await get<Incident>(product, `/api/v1/incidents/${incident.id}`)
    say(`incident ${detail.id} ${detail.status}: ${detail.title}; services ${detail.services.join(', ')}`)
    for (const one of detail.signals) {
      console.log(`           ${one.kind}: ${one.summary}`)
      if (!affected.has(one.service)) problems.push(`${one.service} was blamed: ${one.summary}`)
    }
    const analysis = await get<Analysis>(product, `/api/v1/incidents/${incident.id}/analysis`)
    console.log(`           verdict: ${analysis.verdict.summary}`)
    for (const cause of analysis.causes.slice(0, 3)) {
      console.log(`           ${cause.rank}. ${cause.service} (score ${cause.score.toFixed(2)})`)
      for (const evidence of cause.evidence.slice(0, 4)) console.log(`                ${evidence.kind}: ${evidence.statement}`)
    }
    if (analysis.causes[0]?.service !== BROKEN) problems.push(`${analysis.causes[0]?.service ?? 'nothing'} ranks first, not ${BROKEN}`)
    const blast = await get<Blast>(product, `/api/v1/context/incident/${incident.id}/blast`)
    console.log(`           blast radius of ${blast.root}: ${blast.impacted.map((one) => `${one.service} (${one.path.join(' → ')})`).join(', ')}`)
  }
  return problems
}

const run = async (): Promise<number> => {
  const product = createProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  const random = createRandom(20_26)
  const live = { broken: null as string | null, stop: false }
  try {
    await product.start()
    say(`lapwing is up: OTLP ${product.addresses().otlp}, API ${product.addresses().api}`)
    const shop = createShop({ endpoint: product.addresses().otlp, token: product.token, random })
    const stopCron = await startCron(product)
    await playPast(shop, random)
    const traffic = playLive(shop, random, live)
    const look = createWatcher(product)
    const boundary = 10_000 - (Date.now() % 10_000)
    await new Promise((resolve) => setTimeout(resolve, 10_000 + boundary))
    live.broken = BROKEN
    say(`fault: ${BROKEN} runs out of connections`)
    setTimeout(() => { void sendAlert(product) }, 15_000).unref()
    await until('the cause', Math.max(1000, LIMIT_MS - 8000 - (Date.now() - begunMs)), look, 1000).catch((error: unknown) => say(String(error)))
    await look()
    const problems = await report(product)
    live.stop = true
    await traffic
    stopCron()
    await shop.close().catch(() => undefined)
    for (const problem of problems) say(`NOT AS IT SHOULD BE: ${problem}`)
    if (problems.length === 0) say(`${BROKEN} was found, ranked first, and nothing else was blamed`)
    return problems.length === 0 ? 0 : 1
  } catch (error) {
    say(`failed: ${String(error)}\n${product.output().slice(-4000)}`)
    return 1
  } finally {
    live.stop = true
    await product.dispose()
  }
}

process.exit(await run())
