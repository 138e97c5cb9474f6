// The services of a made-up company: who calls whom, and how each behaves on a healthy day. Made from the seed alone.
import type { Random } from './random.ts'

export interface Service {
  readonly name: string
  readonly index: number
  readonly callees: number[]
  readonly callers: number[]
  /** Requests per second that it handles on its own account, averaged over the day. */
  readonly rate: number
  /** Busiest over quietest hour. */
  readonly amplitude: number
  readonly phase: number
  /** Spread of the rate from one bucket to the next beyond Poisson's. */
  readonly spread: number
  readonly errorShare: number
  readonly durationMs: number
  readonly sigma: number
  /** Bodies by falling frequency; `#` becomes a number, `@` a hex id. */
  readonly templates: readonly string[]
  readonly errors: readonly string[]
  /** Every hour, on the hour, it works through this many records within half a minute. */
  readonly hourly: number
}

export interface Shape {
  readonly services: number
  /** Factor on every rate. */
  readonly scale: number
  /** Factor between day and night is drawn from 1.5 to this. */
  readonly amplitude: number
  /** How many services have an hourly job. */
  readonly jobs: number
}

const NAMES = [
  'gateway',
  'cart',
  'catalog',
  'search',
  'pricing',
  'stock',
  'orders',
  'billing',
  'ledger',
  'mailer',
  'users',
  'sessions',
  'media',
  'reviews',
  'shipping',
  'tax',
  'fraud',
  'coupons',
  'export',
  'feeds',
]
const VERBS = [
  'handled request # for user @',
  'cache miss for key @',
  'stored row # in # ms',
  'published event @ to topic',
  'validated token of user #',
  'refreshed entry @',
  'queued job #',
  'rendered page # in # ms',
  'scheduled retry # of job @',
  'rotated file #',
  'reloaded configuration @',
  'compacted # segments',
]
const FAILURES = [
  'request # failed: timeout after # ms',
  'could not parse payload of user @',
  'connection reset by peer while reading @',
  'row # not found',
]

export const createWorld = (random: Random, shape: Shape): Service[] => {
  const services = Array.from({ length: shape.services }, (_, index): Service => {
    const kind = random.next()
    const rate =
      kind < 0.12
        ? random.between(0.004, 0.02)
        : kind < 0.7
          ? random.between(0.06, 0.3)
          : kind < 0.95
            ? random.between(0.3, 0.7)
            : random.between(0.8, 2)
    return {
      name: `${NAMES[index % NAMES.length]}${index < NAMES.length ? '' : `-${Math.floor(index / NAMES.length)}`}`,
      index,
      callees: [],
      callers: [],
      rate: rate * shape.scale,
      amplitude: random.between(1.5, shape.amplitude),
      phase: random.next() < 0.7 ? random.between(-0.6, 0.6) : random.between(-3.1, 3.1),
      spread: random.between(0.05, 0.35),
      errorShare: random.next() < 0.2 ? 0 : random.between(0.001, 0.02),
      durationMs: Math.exp(random.between(1, 6)),
      sigma: random.between(0.3, 1),
      templates: VERBS.slice(0, 4 + Math.floor(random.next() * (VERBS.length - 4))),
      errors: FAILURES.slice(0, 1 + Math.floor(random.next() * FAILURES.length)),
      hourly: 0,
    }
  })
  for (let i = 1; i < services.length; i++) {
    // A tree of small fan-out, and here and there a second caller.
    const caller = services[Math.floor((i - 1) / 3)]
    const callers = [caller, ...(random.next() < 0.25 && i > 4 ? [services[Math.floor(random.next() * (i - 1))]] : [])]
    for (const one of new Set(callers)) {
      one.callees.push(i)
      services[i].callers.push(one.index)
    }
  }
  return services.map((service) =>
    service.index > 0 && service.index <= shape.jobs ? { ...service, hourly: Math.round(random.between(100, 200)) } : service,
  )
}

/** All that depend on a service (`callers`), or all that it depends on (`callees`), however far. */
export const reachedBy = (services: readonly Service[], index: number, way: 'callers' | 'callees'): Set<number> => {
  const found = new Set<number>()
  const queue = [index]
  for (let at = queue.pop(); at !== undefined; at = queue.pop())
    for (const next of services[at][way])
      if (!found.has(next)) {
        found.add(next)
        queue.push(next)
      }
  return found
}
