// One signed POST to the operator's address for each incident that opens or resolves, with a `text` that Slack shows, tried again until it
// is taken: at least once, with the same id each time. One process sends at a time. Without an address it only keeps the outbox small.
import { createHmac } from 'node:crypto'
import type { Leases } from '../../streams/contracts/leases.ts'
import { startRepeating } from '../../streams/contracts/repeat.ts'
import type { GuardedFetch } from '../egress/guarded-fetch.ts'
import type { Store } from '../store/store.ts'
import type { Incident } from './incident-store.ts'
import { dueEvents, markFailed, markSent, pruneEvents, type OutboxEvent } from './outbox.ts'

export interface NotifierConfig {
  readonly url: string
  readonly secret: string
  readonly pollMs?: number
  /** Of the first try again; doubled with each, up to five minutes. */
  readonly againMs?: number
}
export interface NotifierDeps {
  readonly store: Store
  readonly leases: Leases
  readonly fetch: GuardedFetch
  /** Null when it is gone. */
  readonly incident: (tenant: string, id: string) => Promise<Incident | null>
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}

const AT_ONCE = 20
const MAX_AGAIN_MS = 300_000
const POLL_MS = 500
const IDLE_POLL_MS = 60_000
const PRUNE_EVERY_MS = 3_600_000
const KEPT_HOURS = 7 * 24
/** Whoever sets an address later is not told of what is long over. */
const KEPT_HOURS_FOR_NOBODY = 1
const JITTER = 0.3

/** Stripe's form, which 24observe has, and Standard Webhooks'; one secret. `atSeconds` = Unix time. */
export const signatures = (secret: string, id: string, atSeconds: number, body: string): Record<string, string> => ({
  'x-24observe-timestamp': String(atSeconds),
  'x-24observe-signature': `t=${atSeconds},v1=${createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex')}`,
  'webhook-id': id,
  'webhook-timestamp': String(atSeconds),
  'webhook-signature': `v1,${createHmac('sha256', secret).update(`${id}.${atSeconds}.${body}`).digest('base64')}`,
})

const WORDS = { 'incident.opened': 'opened', 'incident.resolved': 'resolved' } as const
const textOf = ({ type }: OutboxEvent, incident: Incident): string =>
  `Incident #${incident.number} ${WORDS[type]}${type === 'incident.resolved' && incident.autoResolved ? ' by itself' : ''}: ${incident.title} (${incident.severity}; ${incident.services.join(', ')})`

const bodyOf = (event: OutboxEvent, incident: Incident): string =>
  JSON.stringify({
    id: event.id,
    type: event.type,
    created: event.createdAt.toISOString(),
    text: textOf(event, incident),
    data: { ...incident, updates: undefined, ...(event.type === 'incident.resolved' ? { auto_resolved: incident.autoResolved } : {}) },
  })

/** @param config null: nobody is to be told. */
export const startNotifier = (config: NotifierConfig | null, deps: NotifierDeps): { close(): Promise<void> } => {
  const { store } = deps
  const deliver = async (event: OutboxEvent, { url, secret, againMs = 1000 }: NotifierConfig): Promise<void> => {
    const incident = await deps.incident(event.tenant, event.resource)
    if (incident === null) return await markSent(store, event)
    const body = bodyOf(event, incident)
    try {
      const { status } = await deps.fetch(url, {
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'lapwing',
          'x-24observe-event': event.type,
          'x-24observe-delivery-id': event.id,
          ...signatures(secret, event.id, Math.floor(deps.clock() / 1000), body),
        },
      })
      if (status < 200 || status > 299) throw new Error(`answered ${status}`)
      await markSent(store, event)
    } catch (error) {
      const waitMs = Math.min(MAX_AGAIN_MS, againMs * 2 ** Math.min(event.attempts, 20))
      await markFailed(store, event, String(error), waitMs * (1 - JITTER / 2 + Math.random() * JITTER))
    }
  }
  let prunedAt = -Infinity
  let closed = false
  const isOwner = async (): Promise<boolean> => (await deps.leases.claim('notifier')) !== null
  const round = async (): Promise<void> => {
    if (!(await isOwner())) return
    if (config !== null)
      for (const event of await dueEvents(store, AT_ONCE)) {
        // One receiver that does not answer takes half of a lease; many would take more than one, and the process longer to end than it may.
        if (closed || !(await isOwner())) return
        await deliver(event, config)
      }
    if (performance.now() - prunedAt < PRUNE_EVERY_MS) return
    await pruneEvents(store, config === null ? KEPT_HOURS_FOR_NOBODY : KEPT_HOURS)
    prunedAt = performance.now()
  }
  const rounds = startRepeating(round, { everyMs: config === null ? IDLE_POLL_MS : (config.pollMs ?? POLL_MS) }, deps.onError)
  return {
    close: () => {
      closed = true
      return rounds.close()
    },
  }
}
