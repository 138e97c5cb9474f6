// One day over the whole product: healthy seasonal traffic as a backfill, then faults one after the other in event time, then
// live traffic where the backfill ends. Speaks HTTP; reads ClickHouse only to know when the series are complete.
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import { anomaliesOf, get, incidentsOf, judgeFault, type Found } from './findings.ts'
import { createRandom } from './random.ts'
import { createSender, type Sender } from './sender.ts'
import { createTraffic, rateAt, type Fault, type FaultKind } from './traffic.ts'
import { createWorld, type Service, type Shape } from './world.ts'

export interface PlayOptions {
  readonly seed: number
  readonly hours: number
  readonly shape: Shape
  readonly faults: readonly FaultKind[]
  readonly liveSeconds: number
  readonly say: (line: string) => void
}
export interface PlayReport {
  readonly records: number
  readonly healthyIncidents: number
  readonly healthyAnomalies: number
  readonly seamIncidents: number
  readonly found: readonly Found[]
  readonly workedThroughSeconds: number
  readonly problems: readonly string[]
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const FAULT_MS = 10 * MINUTE_MS
/** From the start of one fault to the next. */
const APART_MS = 75 * MINUTE_MS
/** Events per bucket below which a fault of this kind is nobody's to see within minutes. */
const ENOUGH: Readonly<Record<FaultKind, number>> = { errors: 1, latency: 1, silence: 3, surge: 0.5 }

const chooseFaults = (services: readonly Service[], kinds: readonly FaultKind[], firstMs: number, seed: number): Fault[] => {
  const random = createRandom(seed * 31 + 7)
  const used = new Set<number>()
  return kinds.map((kind, i) => {
    const fromMs = firstMs + i * APART_MS + Math.floor(random.next() * 600) * 1000
    const fit = services.filter(
      (one) => one.callers.length > 0 && one.hourly === 0 && !used.has(one.index) && rateAt(one, fromMs) * 10 >= ENOUGH[kind],
    )
    const { index } = random.pick(fit.length > 0 ? fit : services.slice(1))
    used.add(index)
    return { kind, service: index, fromMs, toMs: fromMs + FAULT_MS }
  })
}

const stored = async (product: Product): Promise<number> =>
  (await product.select<{ total: number }>("SELECT sum(count) AS total FROM series_points FINAL WHERE metric = 'log.rate'"))[0].total

/** Seconds from the last acknowledgement until every record is in a closed bucket and what follows is written. */
const workedThrough = async (product: Product, sender: Sender): Promise<number> => {
  const begunMs = performance.now()
  await until(
    'the pipeline',
    300_000,
    async () => (await get<{ pipeline: { uncommitted_messages: number } }>(product, '/api/v1/status')).pipeline.uncommitted_messages === 0,
  )
  let before = -1
  // A bucket that is still being filled has not closed, and never does while nothing follows.
  await until(
    'the watchdog',
    600_000,
    async () => {
      const now = await stored(product)
      const done = now === sender.sent() || (now === before && now > 0.995 * sender.sent())
      before = now
      return done
    },
    1000,
  )
  const lastRun = async (): Promise<string | null> =>
    (await get<{ watchdog: { last_run: string | null } }>(product, '/api/v1/status')).watchdog.last_run
  const seen = await lastRun()
  await until('one more round', 60_000, async () => (await lastRun()) !== seen)
  return (performance.now() - begunMs) / 1000
}

export const play = async (options: PlayOptions): Promise<PlayReport> => {
  const { say } = options
  const random = createRandom(options.seed)
  const startedMs = Date.now()
  const totalMs = options.hours * HOUR_MS + options.faults.length * APART_MS
  const fromMs = Math.floor((startedMs - totalMs - 2 * MINUTE_MS) / MINUTE_MS) * MINUTE_MS
  // Its day begins where the play does: at another time of ours it would be another play.
  const dawn = (2 * Math.PI * fromMs) / DAY_MS
  const services = createWorld(random, options.shape).map((one) => ({ ...one, phase: one.phase - dawn }))
  const healthyEndMs = fromMs + options.hours * HOUR_MS
  const faults = chooseFaults(services, options.faults, healthyEndMs + 20 * MINUTE_MS, options.seed)
  const traffic = createTraffic(random, services, faults)
  const product = createProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  const problems: string[] = []
  const since = (ms: number): string => `${((Date.now() - ms) / 1000).toFixed(1)} s`
  try {
    await product.start()
    const sender = createSender({ url: product.addresses().otlp, token: product.token, services, traffic, random })
    let phaseMs = Date.now()
    await sender.play(fromMs, healthyEndMs)
    say(
      `${options.hours} h of ${services.length} services: ${sender.sent()} records, ${(sender.bytes() / 1e6).toFixed(0)} MB acknowledged in ${since(phaseMs)}`,
    )
    const workedThroughSeconds = await workedThrough(product, sender)
    say(
      `worked through ${workedThroughSeconds.toFixed(1)} s after the last byte, ${((options.hours * 1000) / (Date.now() - phaseMs)).toFixed(2)} event hours a second in all`,
    )
    const healthy = await incidentsOf(product)
    const healthyAnomalies = await anomaliesOf(product)
    say(`healthy: ${healthy.length} incidents, ${healthyAnomalies.length} anomalies`)
    for (const one of healthyAnomalies) say(`  ${one.detected_at} ${one.summary}`)
    if (healthy.length > 1) problems.push(`${healthy.length} incidents in healthy traffic`)

    const known = new Set(healthy.map((one) => one.id))
    const found: Found[] = []
    let atMs = healthyEndMs
    for (const fault of faults) {
      phaseMs = Date.now()
      const endMs = fault.toMs + 20 * MINUTE_MS
      await sender.play(atMs, endMs)
      atMs = endMs
      await workedThrough(product, sender)
      const one = await judgeFault(product, services, fault, known)
      found.push(one)
      say(
        `${fault.kind} in ${services[fault.service].name} (${(rateAt(services[fault.service], fault.fromMs) * 10).toFixed(1)} per bucket, called by ${services[fault.service].callers.map((i) => services[i].name).join(', ')}): detected after ${one.secondsToDetect ?? '-'} s, rank ${one.rank}, ${since(phaseMs)}`,
      )
      for (const line of one.lines) say(`  ${line}`)
      for (const problem of one.problems) {
        problems.push(`${fault.kind}: ${problem}`)
        say(`  NOT AS IT SHOULD BE: ${problem}`)
      }
      for (const incident of await incidentsOf(product)) known.add(incident.id)
    }
    phaseMs = Date.now()
    for (const endMs = Date.now() + options.liveSeconds * 1000; ;) {
      const nowMs = Date.now()
      await sender.play(atMs, nowMs)
      atMs = nowMs
      if (nowMs >= endMs) break
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    if (options.liveSeconds > 0) await workedThrough(product, sender)
    const seam = (await incidentsOf(product)).filter((one) => !known.has(one.id))
    if (options.liveSeconds > 0) say(`live for ${options.liveSeconds} s: ${seam.length} incidents at the seam`)
    for (const one of seam) {
      problems.push(`at the seam: ${one.title}`)
      say(`  ${one.title}`)
    }
    sender.close()
    return {
      records: sender.sent(),
      healthyIncidents: healthy.length,
      healthyAnomalies: healthyAnomalies.length,
      seamIncidents: seam.length,
      found,
      workedThroughSeconds,
      problems,
    }
  } finally {
    const warnings = product
      .output()
      .split('\n')
      .filter((line) => /"level":(40|50|60)|"(warn|error|fatal)"/.test(line))
    for (const line of warnings.slice(0, 5)) say(`  log: ${line.slice(0, 300)}`)
    await product.dispose()
  }
}
