// `npm run demo`: starts the product on a temporary directory, plays a small shop at it with real clients, breaks one
// service, and shows what the product finds. Exit code 0 only when the broken service ranks first, the incident opened and
// nothing else was blamed. At most 120 s. `--pictures DIR` keeps what the API draws of it.
import { parseArgs } from 'node:util'
import { until, type Product } from '../load/product.ts'
import { BROKEN, createSay, createWatcher, get, playDay, post, type Analysis, type Incident } from './shop-day.ts'
import { savePictures } from './pictures.ts'
import { calls } from './shop.ts'

const LIMIT_MS = 118_000
const begunMs = Date.now()
const { values: options } = parseArgs({ options: { pictures: { type: 'string' } } })

const say = createSay(begunMs)

interface Blast {
  root: string
  impacted: { service: string; owner: string | null; relation: string; path: string[] }[]
}

const startCron = async (product: Product): Promise<() => void> => {
  const { api, otlp } = product.addresses()
  const made = await post(`${api}/api/v1/monitors`, product.token, {
    name: 'nightly-report',
    type: 'heartbeat',
    intervalSec: 30,
    heartbeatGraceSec: 15,
  })
  if (made.status !== 201) throw new Error(`monitor: ${made.status} ${await made.text()}`)
  const { id } = (await made.json()) as { id: string }
  const secrets = await get<{ heartbeatToken: string }>(product, `/api/v1/monitors/${id}/secrets`)
  const beat = (): void => {
    void fetch(`${otlp}/api/v1/heartbeats/${secrets.heartbeatToken}`, { method: 'POST' }).catch(() => undefined)
  }
  beat()
  const timer = setInterval(beat, 15_000)
  say('cron job nightly-report: a heartbeat is expected every 30 s')
  return () => clearInterval(timer)
}

/** What telemetry does not show: whose services are, and that a job which logs nothing needs one of them. */
const declareServices = async (product: Product): Promise<void> => {
  for (const [service, said] of Object.entries({
    checkout: { owner: 'team-shop' },
    payment: { owner: 'team-payments' },
    'nightly-report': { owner: 'team-finance', dependsOn: ['payment'] },
  })) {
    const answer = await fetch(`${product.addresses().api}/api/v1/context/services/${service}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(said),
    })
    if (!answer.ok) throw new Error(`declaration of ${service}: ${answer.status} ${await answer.text()}`)
  }
  say('owners of checkout and payment declared; nightly-report depends on payment')
}

const callersOf = (service: string): Set<string> => {
  const found = new Set([service])
  for (let grown = true; grown;) {
    grown = false
    for (const [caller, callees] of Object.entries(calls))
      if (!found.has(caller) && callees.some((callee) => found.has(callee))) {
        found.add(caller)
        grown = true
      }
  }
  return found
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
    console.log(
      `           blast radius of ${blast.root}: ${blast.impacted.map((one) => `${one.service} (${one.path.join(' → ')}${one.owner === null ? '' : `; ${one.owner}`})`).join(', ')}`,
    )
    if (options.pictures !== undefined && incident === incidents[0])
      problems.push(...(await savePictures(product, detail, options.pictures, say)))
  }
  return problems
}

process.exit(
  await playDay(say, {
    healthyMs: 10_000,
    allWell: `${BROKEN} was found, ranked first, and nothing else was blamed`,
    begin: async (product) => {
      await declareServices(product)
      return await startCron(product)
    },
    act: async (product) => {
      const look = createWatcher(product, say)
      await until('the cause', Math.max(1000, LIMIT_MS - 8000 - (Date.now() - begunMs)), look, 1000).catch((error: unknown) =>
        say(String(error)),
      )
      await look()
      return await report(product)
    },
  }),
)
