// Sends on a fixed schedule whatever the server does: latency counts from the intended time, so that a stall is not hidden
// by the requests that it kept from being sent.
import type { Corpus } from './body.ts'
import { openConnection, requestHead } from './http-client.ts'

export interface LoadResult {
  readonly sent: number
  readonly acknowledged: number
  readonly refused: number
  readonly broken: number
  readonly seconds: number
  /** Milliseconds from intended send to acknowledgement, ascending. */
  readonly latenciesMs: readonly number[]
}

export const quantile = (sorted: readonly number[], q: number): number => sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]

export const runOpenLoop = async (options: { url: string; token: string; corpus: Corpus; requestsPerSecond: number; seconds: number; connections: number; firstAttempt?: number }): Promise<LoadResult> => {
  const target = new URL(options.url)
  const head = requestHead('/v1/logs', target.host, options.token)
  const total = Math.round(options.requestsPerSecond * options.seconds)
  const intervalMs = 1000 / options.requestsPerSecond
  const latenciesMs: number[] = []
  let next = 0
  let acknowledged = 0
  let refused = 0
  let broken = 0
  const begun = performance.now()
  const worker = async (): Promise<void> => {
    const connection = openConnection(target.hostname, Number(target.port))
    while (next < total) {
      const index = next++
      const intended = begun + index * intervalMs
      const wait = intended - performance.now()
      if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait))
      const status = await connection.send(head, options.corpus.body((options.firstAttempt ?? 0) + index, Date.now()))
      if (status === 200) {
        acknowledged++
        latenciesMs.push(performance.now() - intended)
      } else if (status === 0) broken++
      else refused++
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: options.connections }, worker))
  return { sent: total, acknowledged, refused, broken, seconds: (performance.now() - begun) / 1000, latenciesMs: latenciesMs.sort((a, b) => a - b) }
}
