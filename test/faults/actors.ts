// What else goes on during a round, beside the load: an alert that fires and ends, a job that says it lives, agents that make
// changes under an Idempotency-Key, and one that works against its cap. Each comes again until it is heard, as its client does.
import type { Cluster } from '../cluster/cluster.ts'
import { pause } from '../kill/attempts.ts'

const AGAIN_MS = 250
const ANSWER_WITHIN_MS = 8000
export const json = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

/** The status of one try; 0 when there was no answer. */
const tried = async (url: string, init: RequestInit): Promise<{ status: number; body: unknown }> => {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
  } catch {
    return { status: 0, body: null }
  }
}

/** One address after the other until one gives an answer that is final. @throws Error after `timeoutMs`. */
export const insist = async (
  addresses: readonly string[],
  path: string,
  init: RequestInit,
  timeoutMs = 60_000,
): Promise<{ status: number; body: unknown }> => {
  for (let turn = 0, deadline = Date.now() + timeoutMs; ; turn++) {
    const answer = await tried(`${addresses[turn % addresses.length]}${path}`, init)
    // A request that another of the same key is at work on has no answer yet.
    const isFinal =
      answer.status > 0 &&
      answer.status < 500 &&
      answer.status !== 429 &&
      (answer.body as { code?: string } | null)?.code !== 'IDEMPOTENCY_IN_PROGRESS'
    if (isFinal) return answer
    if (Date.now() > deadline) throw new Error(`${path}: no answer but ${answer.status} ${JSON.stringify(answer.body)} for ${timeoutMs} ms`)
    await pause(AGAIN_MS)
  }
}

export const addressesOf = (cluster: Cluster, kind: 'otlp' | 'alerts' | 'api'): string[] =>
  cluster.of(kind === 'api' ? 'api' : 'ingest').map((member) => member[kind])
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

export const sendAlert = async (cluster: Cluster, service: string, status: 'firing' | 'resolved', startsAt: string): Promise<void> => {
  const alert = {
    status,
    labels: { alertname: 'RoundAlert', service, severity: 'critical' },
    annotations: { summary: `alert of ${service}` },
    startsAt,
    endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : new Date().toISOString(),
  }
  const { status: answered } = await insist(
    addressesOf(cluster, 'alerts'),
    '/api/v1/alerts/webhook',
    json({ version: '4', alerts: [alert] }),
  )
  if (answered !== 200) throw new Error(`the alert of ${service} was answered ${answered}`)
}

export interface Heart {
  stop(): Promise<void>
}
/** A job that says every two seconds that it lives, to whichever ingest answers. */
export const startHeart = async (cluster: Cluster): Promise<{ readonly monitorId: string; beat(): Heart }> => {
  const made = await insist(
    addressesOf(cluster, 'api'),
    '/api/v1/monitors',
    json(
      { name: 'heart', type: 'heartbeat', intervalSec: 30, heartbeatGraceSec: 10 },
      { ...bearer(cluster.token), 'idempotency-key': 'heart' },
    ),
  )
  const { id } = made.body as { id: string }
  const { body } = await insist(addressesOf(cluster, 'api'), `/api/v1/monitors/${id}/secrets`, { headers: bearer(cluster.token) })
  const path = new URL((body as { heartbeatUrl: string }).heartbeatUrl).pathname
  return {
    monitorId: id,
    beat: () => {
      let stopping = false
      const running = (async () => {
        while (!stopping) {
          await insist(addressesOf(cluster, 'otlp'), path, { method: 'POST' })
          await pause(2000)
        }
      })()
      return {
        stop: async () => {
          stopping = true
          await running
        },
      }
    },
  }
}

/** Each change under a key of its own, sent to both API processes at once, and again until it has an answer. @returns names that must exist once. */
export const makeChanges = async (cluster: Cluster, round: number, count: number): Promise<readonly string[]> => {
  const names = Array.from({ length: count }, (_, n) => `change-${round}-${n}`)
  const [first, second = first] = addressesOf(cluster, 'api')
  await Promise.all(
    names.map(async (name) => {
      const change = json({ name, type: 'heartbeat', intervalSec: 3600 }, { ...bearer(cluster.token), 'idempotency-key': name })
      const answers = await Promise.all(
        [
          [first, second],
          [second, first],
        ].map((addresses) => insist(addresses, '/api/v1/monitors', change)),
      )
      const ids = new Set(answers.map(({ status, body }) => (status === 201 ? (body as { id: string }).id : `answered ${status}`)))
      const [only] = ids
      if (ids.size !== 1 || only.startsWith('answered')) throw new Error(`one key had several answers: ${[...ids].join(', ')}`)
    }),
  )
  return names
}

/** Works through more changes than the token may make, from both API processes at once. @returns how many it may make, and the prefix of their names. */
export const pressAgainstCap = async (
  cluster: Cluster,
  round: number,
): Promise<{ readonly prefix: string; readonly cap: number; readonly told: number }> => {
  const cap = 4
  const prefix = `capped-${round}-`
  const minted = await insist(
    addressesOf(cluster, 'api'),
    '/api/v1/me/tokens',
    json({ name: prefix, scopes: ['monitors:*'], dailyMutationLimit: cap }, { ...bearer(cluster.token), 'idempotency-key': prefix }),
  )
  const { token } = minted.body as { token: string }
  const [first, second = first] = addressesOf(cluster, 'api')
  const answers = await Promise.all(
    Array.from(
      { length: cap * 2 },
      async (_, n) =>
        (
          await tried(
            `${n % 2 === 0 ? first : second}/api/v1/monitors`,
            json({ name: `${prefix}${n}`, type: 'heartbeat', intervalSec: 3600 }, bearer(token)),
          )
        ).status,
    ),
  )
  return { prefix, cap, told: answers.filter((status) => status === 201).length }
}
