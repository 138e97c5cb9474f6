// Draws the records of a stretch of event time. Healthy: a day and a night of its own for each service, more spread than
// Poisson's, short bursts, errors, slow requests, rare messages; requests that pass through several services share a trace.
// Faulty: what a fault does to its service and, a little later, to the callers of it.
import type { Random } from './random.ts'
import type { Service } from './world.ts'

export type FaultKind = 'errors' | 'latency' | 'silence' | 'surge'
export interface Fault {
  readonly kind: FaultKind
  readonly service: number
  readonly fromMs: number
  readonly toMs: number
}
export interface Rec {
  readonly service: number
  readonly atMs: number
  readonly severity: number
  readonly body: string
  readonly durationMs: number
  readonly trace: string
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const BUCKET_MS = 10_000
const SPREADS_AFTER_MS = 20_000

const INFO = 9
const DEBUG = 5
const WARN = 13
const ERROR = 17

export const rateAt = (service: Service, atMs: number): number => {
  const a = Math.log(service.amplitude) / 2
  return (service.rate * Math.exp(a * Math.sin((2 * Math.PI * atMs) / DAY_MS + service.phase))) / (1 + (a * a) / 4)
}

export interface Traffic {
  records(fromMs: number, toMs: number): Rec[]
}

export const createTraffic = (random: Random, services: readonly Service[], faults: readonly Fault[]): Traffic => {
  const hex = (length: number): string => {
    let text = ''
    while (text.length < length)
      text += Math.floor(random.next() * 4294967296)
        .toString(16)
        .padStart(8, '0')
    return text.slice(0, length)
  }
  const fill = (template: string): string =>
    template.replace(/[#@]/g, (mark) => (mark === '#' ? String(Math.floor(random.next() * 10_000)) : hex(16)))
  const faultOf = (service: number, atMs: number): Fault | undefined =>
    faults.find((fault) => fault.service === service && atMs >= fault.fromMs && atMs < fault.toMs)
  /** Share of calls that fail because something they call does. */
  const inherited = (service: Service, atMs: number): number => {
    const broken = faults.some(
      (fault) =>
        (fault.kind === 'errors' || fault.kind === 'silence') &&
        service.callees.includes(fault.service) &&
        atMs >= fault.fromMs + SPREADS_AFTER_MS &&
        atMs < fault.toMs,
    )
    return broken ? 0.2 : 0
  }
  const template = (service: Service): string => {
    // The last ones come once in thousands of records.
    let i = 0
    while (i < service.templates.length - 1 && random.next() < 0.35) i++
    return service.templates[i]
  }
  const emit = (out: Rec[], service: Service, atMs: number, trace: string): void => {
    const fault = faultOf(service.index, atMs)
    if (fault?.kind === 'silence') return
    const slow = fault?.kind === 'latency' ? 4 : 1
    const durationMs = service.durationMs * slow * Math.exp(service.sigma * random.normal())
    const failed = random.next() < Math.max(service.errorShare, fault?.kind === 'errors' ? 0.5 : 0, inherited(service, atMs))
    const severity = failed ? ERROR : random.next() < 0.1 ? DEBUG : random.next() < 0.03 ? WARN : INFO
    out.push({
      service: service.index,
      atMs,
      severity,
      durationMs,
      trace,
      body: fill(
        failed ? (fault?.kind === 'errors' ? 'connection pool exhausted: waited # ms' : random.pick(service.errors)) : template(service),
      ),
    })
  }
  const request = (out: Rec[], service: Service, atMs: number): void => {
    if (service.callees.length === 0 || random.next() > 0.4) return emit(out, service, atMs, random.next() < 0.5 ? hex(32) : '')
    const trace = hex(32)
    emit(out, service, atMs, trace)
    let at = service
    let when = atMs
    while (at.callees.length > 0) {
      const callee = services[random.pick(at.callees)]
      when += 1 + random.next() * 20
      emit(out, callee, when, trace)
      if (random.next() < 0.5) break
      at = callee
    }
  }
  const bucket = (out: Rec[], service: Service, fromMs: number, lengthMs: number): void => {
    const spread = Math.exp(service.spread * random.normal() - service.spread ** 2 / 2)
    const burst = random.next() < 0.0005 ? random.between(2, 4) : 1
    const surge = faultOf(service.index, fromMs)?.kind === 'surge' ? 8 : 1
    const count = random.poisson(rateAt(service, fromMs) * (lengthMs / 1000) * spread * burst * surge)
    for (let i = 0; i < count; i++) request(out, service, fromMs + Math.floor(random.next() * lengthMs))
    const sinceHourMs = fromMs % HOUR_MS
    if (service.hourly > 0 && sinceHourMs < 30_000)
      for (let i = random.poisson(service.hourly * (lengthMs / 30_000)); i > 0; i--)
        emit(out, service, fromMs + Math.floor(random.next() * lengthMs), '')
  }
  return {
    records: (fromMs, toMs) => {
      const out: Rec[] = []
      for (let atMs = fromMs; atMs < toMs;) {
        const endMs = Math.min(toMs, (Math.floor(atMs / BUCKET_MS) + 1) * BUCKET_MS)
        for (const service of services) bucket(out, service, atMs, endMs - atMs)
        atMs = endMs
      }
      return out
    },
  }
}
