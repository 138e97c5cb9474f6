// Made-up traces of a shop of six services with a fault in one of them: who waits for whom and fails with whom, as spans tell it.
//   web → cart, orders, search     cart → stock     orders → payments, stock
import { createHash } from 'node:crypto'

export const CALLS: Readonly<Record<string, readonly string[]>> = {
  web: ['cart', 'orders', 'search'],
  cart: ['stock'],
  orders: ['payments', 'stock'],
  search: [],
  payments: [],
  stock: [],
}
export const SERVICES = Object.keys(CALLS)
const MS: Readonly<Record<string, number>> = { web: 4, cart: 6, orders: 9, search: 14, payments: 20, stock: 5 }

export interface ShopSpan {
  readonly service: string
  /** Hex; the parent's is empty for the root. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: 'server' | 'client'
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
}
export interface Fault {
  readonly service: string
  readonly kind: 'errors' | 'latency' | 'silence'
  readonly fromMs: number
}
export interface ShopTraffic {
  readonly fromMs: number
  readonly toMs: number
  readonly tracesPerSecond: number
  readonly fault: Fault | null
  readonly random: () => number
}

/** Spans of one trace, callers before their callees. */
const traceOf = (n: number, startMs: number, { fault, random }: ShopTraffic): ShopSpan[] => {
  const traceId = createHash('md5').update(`trace ${n} ${startMs}`).digest('hex')
  let count = 0
  const newId = (): string => (++count).toString(16).padStart(4, '0') + traceId.slice(0, 12)
  const isBroken = (service: string): boolean => fault?.service === service && startMs >= fault.fromMs
  /** A server's span and all below it; null where nobody answers. */
  const serve = (service: string, parentSpanId: string, atMs: number): { spans: ShopSpan[]; endMs: number; failed: boolean } | null => {
    if (isBroken(service) && fault!.kind === 'silence') return null
    const spanId = newId()
    const inner: ShopSpan[] = []
    let nowMs = atMs + MS[service] * (0.5 + random()) + (isBroken(service) && fault!.kind === 'latency' ? 300 * (0.5 + random()) : 0)
    let failed = (isBroken(service) && fault!.kind === 'errors' && random() < 0.6) || random() < 0.002
    for (const callee of CALLS[service]) {
      // Not every request needs everything.
      if (random() < 0.3) continue
      const clientId = newId()
      const answer = serve(callee, clientId, nowMs + 0.3)
      const endMs = (answer?.endMs ?? nowMs + 50) + 0.3
      const callFailed = answer?.failed ?? true
      inner.push(
        {
          service,
          traceId,
          spanId: clientId,
          parentSpanId: spanId,
          name: `call ${callee}`,
          kind: 'client',
          startMs: nowMs,
          endMs,
          failed: callFailed,
        },
        ...(answer?.spans ?? []),
      )
      nowMs = endMs
      failed ||= callFailed && random() < 0.9
    }
    return {
      spans: [
        { service, traceId, spanId, parentSpanId, name: `serve ${service}`, kind: 'server', startMs: atMs, endMs: nowMs, failed },
        ...inner,
      ],
      endMs: nowMs,
      failed,
    }
  }
  return serve('web', '', startMs)?.spans ?? []
}

export const shopTraces = (traffic: ShopTraffic): ShopSpan[][] => {
  const traces: ShopSpan[][] = []
  for (let atMs = traffic.fromMs; atMs < traffic.toMs; atMs += (1000 / traffic.tracesPerSecond) * (0.5 + traffic.random()))
    traces.push(traceOf(traces.length, atMs, traffic))
  return traces.filter((trace) => trace.length > 0)
}

/** Seeded, so that a failure can be seen again. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}
