// /api/v1/heartbeats/:token → 204. The token is the credential: known by its SHA-256, unknown ones take the same path and
// are rate limited per address. A body, if any, is not read: the hit is its arrival.
import { partitionOf, subjectKey } from '../../streams/partition.ts'
import { notFound, rateLimited } from '../failure.ts'
import type { Failure } from '../failure.ts'
import type { Handler, Reply } from '../http/exchange.ts'
import { failureReply } from '../http/json-reply.ts'
import type { HandlerConfig, HandlerDeps } from './deps.ts'

export const HEARTBEAT_PATH = '/api/v1/heartbeats/'
const WINDOW_MS = 10_000
const GUESSES_PER_WINDOW = 20
const MAX_ADDRESSES = 10_000

export interface GuessLimiter {
  /** Counts one wrong guess; false when the address has none left. */ allow(address: string, nowMs: number): boolean
}

/** Bounded: beyond its addresses all others share one count. */
export const createGuessLimiter = (): GuessLimiter => {
  let windowEndsAtMs = 0
  let counts = new Map<string, number>()
  return {
    allow: (address, nowMs) => {
      if (nowMs >= windowEndsAtMs) {
        windowEndsAtMs = nowMs + WINDOW_MS
        counts = new Map()
      }
      const key = counts.has(address) || counts.size < MAX_ADDRESSES ? address : 'others'
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return count <= GUESSES_PER_WINDOW
    },
  }
}

export const handleHeartbeat = (config: HandlerConfig, deps: HandlerDeps): Handler => {
  const limiter = createGuessLimiter()
  const refuse = (failure: Failure): Reply => {
    deps.metrics.refused('heartbeat', failure.code)
    return failureReply(failure)
  }
  return ({ request }) => {
    const target = deps.credentials.heartbeat(request.path.slice(HEARTBEAT_PATH.length))
    if (target === null) {
      return refuse(
        limiter.allow(request.remoteAddress, deps.now()) ? notFound('no such heartbeat') : rateLimited('too many unknown heartbeat tokens'),
      )
    }
    const { tenant, monitorId } = target
    return deps.intake
      .hit('heartbeat', partitionOf(subjectKey(tenant, monitorId), config.partitions), { tenant, tokenId: '' }, monitorId)
      .then((failure) => {
        if (failure !== null) return refuse(failure)
        deps.metrics.accepted('heartbeat', { records: 1, rejected: {}, bytes: 0, inflatedBytes: 0 })
        return { status: 204 }
      })
  }
}
