// Sends on a fixed schedule whatever the server does: latency counts from the intended time, so that a stall is not hidden
// by the requests that it kept from being sent. A connection that is refused rests as long as it was told to, as a client would;
// what falls due while all of them rest or wait is sent late, or not at all once the schedule has ended.
import type { BodySource } from './encoded.ts'
import { openConnection, requestHead } from './http-client.ts'

export interface LoadPlan {
  readonly url: string
  readonly path?: string
  readonly token: string
  /** Attempts take the tokens in turn. */
  readonly moreTokens?: readonly string[]
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly bodies: BodySource
  /** Null: the next as soon as one is answered. */
  readonly requestsPerSecond: number | null
  readonly requests: number
  /** The schedule ends then, sent or not. */
  readonly maxSeconds?: number
  readonly connections: number
  readonly firstAttempt?: number
  /** Ends the schedule before its end. */
  readonly signal?: AbortSignal
}
export interface LoadResult {
  readonly sent: number
  readonly refused: number
  readonly broken: number
  readonly seconds: number
  readonly startedAtMs: number
  /** Attempts that were answered 2xx, in the order of the answers, and when: ms of the wall clock. */
  readonly acknowledged: readonly number[]
  readonly acknowledgedAtMs: readonly number[]
  /** Of the same attempts: milliseconds from intended send to acknowledgement. */
  readonly latenciesMs: readonly number[]
}

const PAUSE_AFTER_BREAK_MS = 100
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const runOpenLoop = async (plan: LoadPlan): Promise<LoadResult> => {
  const target = new URL(plan.url)
  const heads = [plan.token, ...(plan.moreTokens ?? [])].map(
    (token) =>
      requestHead(plan.path ?? '/v1/logs', target.host, token, plan.contentType) +
      (plan.contentEncoding === undefined ? '' : `Content-Encoding: ${plan.contentEncoding}\r\n`),
  )
  const intervalMs = plan.requestsPerSecond === null ? 0 : 1000 / plan.requestsPerSecond
  const [latenciesMs, acknowledged, acknowledgedAtMs]: number[][] = [[], [], []]
  let [next, refused, broken] = [0, 0, 0]
  const [begun, startedAtMs] = [performance.now(), Date.now()]
  const endsAt = begun + (plan.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000
  const worker = async (connection: number): Promise<void> => {
    const line = openConnection(target.hostname, Number(target.port))
    while (next < plan.requests && performance.now() < endsAt && plan.signal?.aborted !== true) {
      const index = next++
      const intended = intervalMs === 0 ? performance.now() : begun + index * intervalMs
      const wait = intended - performance.now()
      if (wait > 0.5) await pause(wait)
      const attempt = (plan.firstAttempt ?? 0) + index
      const status = await line.send(heads[attempt % heads.length], plan.bodies.take(connection, attempt, Date.now()))
      if (status >= 200 && status < 300) {
        acknowledged.push(attempt)
        acknowledgedAtMs.push(Date.now())
        latenciesMs.push(performance.now() - intended)
      } else {
        if (status === 0) broken++
        else refused++
        await pause(line.retryAfterMs() || PAUSE_AFTER_BREAK_MS)
      }
    }
    line.close()
  }
  await Promise.all(Array.from({ length: plan.connections }, (_, connection) => worker(connection)))
  return {
    sent: next,
    refused,
    broken,
    seconds: (performance.now() - begun) / 1000,
    startedAtMs,
    acknowledged,
    acknowledgedAtMs,
    latenciesMs,
  }
}
