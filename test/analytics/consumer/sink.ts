// Sinks for the consumer: a store that deduplicates by token as a plain MergeTree does and can be told to fail, a pool
// whose blocks name their offsets, and a control plane that keeps what it is told.
import type { DecodeInput, DecodeOutput } from '../../../analytics/decode-contract.ts'
import type { InsertPorts } from '../../../analytics/insert-range.ts'
import type { AlertState, ControlPlane, HeartbeatMonitor } from '../../../streams/contracts/control-plane.ts'
import { TransientError, PermanentError } from '../../../streams/contracts/errors.ts'
import type { ErrorCode } from '../../../streams/contracts/errors.ts'
import type { SignalOpened, SignalResolved } from '../../../streams/contracts/signals.ts'

/** What becomes of one send. `lost`: lands, its answer does not come. `late`: fails now and lands just before the next send.
 * `vanished`: its token is remembered, its part is not (a crash of the store in between). */
export type Fate = 'ok' | 'down' | 'rejected' | 'lost' | 'late' | 'vanished'

export interface SinkStore extends InsertPorts {
  /** Fates of the coming sends by table; `ok` when none is left. */
  readonly fates: Record<string, Fate[]>
  readonly sends: { table: string; token: string; fate: Fate }[]
  /** Offsets stored, in order of landing, doubles included. */
  stored(table: string): number[]
  rows(table: string): Record<string, unknown>[]
  isDown: boolean
  /** Whether rows of an offset are refused; -1 is a record of the consumer's own making. */
  refuses: (offset: number, table: string) => boolean
}

const unavailable = (): TransientError => new TransientError('STORE_UNAVAILABLE', 'no answer')

export const createSinkStore = (): SinkStore => {
  const parts = new Map<string, number[]>()
  const rows = new Map<string, Record<string, unknown>[]>()
  const tokens = new Set<string>()
  const late: (() => void)[] = []
  const land = (table: string, token: string, offsets: number[]): void => {
    if (tokens.has(`${table} ${token}`)) return
    tokens.add(`${table} ${token}`)
    parts.set(table, [...(parts.get(table) ?? []), ...offsets])
  }
  const sink: SinkStore = {
    fates: {},
    sends: [],
    isDown: false,
    refuses: () => false,
    stored: (table) => parts.get(table) ?? [],
    rows: (table) => rows.get(table) ?? [],
    insert: async ({ table, block, token }) => {
      for (const landNow of late.splice(0)) landNow()
      const fate = sink.isDown ? 'down' : (sink.fates[table]?.shift() ?? 'ok')
      sink.sends.push({ table, token, fate })
      const offsets = (Array.isArray(block) ? block : [block]).flatMap((one) => JSON.parse(new TextDecoder().decode(one)) as number[])
      if (fate === 'down') throw unavailable()
      if (offsets.some((offset) => sink.refuses(offset, table)))
        throw new PermanentError('STORE_REJECTED', `violated by ${offsets.filter((offset) => sink.refuses(offset, table)).join()}`)
      if (fate === 'rejected') throw new PermanentError('STORE_REJECTED', 'no such column')
      if (fate === 'vanished') tokens.add(`${table} ${token}`)
      if (fate === 'late') late.push(() => land(table, token, offsets))
      if (fate === 'ok' || fate === 'lost') land(table, token, offsets)
      if (fate !== 'ok') throw unavailable()
    },
    insertRows: async ({ table, rows: more, token }) => {
      if (sink.isDown) throw unavailable()
      if (token !== undefined && tokens.has(`${table} ${token}`)) return
      if (token !== undefined) tokens.add(`${table} ${token}`)
      rows.set(table, [...(rows.get(table) ?? []), ...(more as Record<string, unknown>[])])
    },
    command: async () => {
      if (sink.isDown) throw unavailable()
    },
    query: async <Row>(query: { name: string }, params: Record<string, unknown>): Promise<Row[]> => {
      if (sink.isDown) throw unavailable()
      if (query.name === 'stored_alert') {
        const found = sink.rows('anomalies').findLast((row) => row.anomaly_id === params.id)
        return (
          found === undefined
            ? []
            : [{ ...found, detected_ms: Number(found.detected_at) * 1000, started_ms: Number(found.started_at) * 1000 }]
        ) as Row[]
      }
      if (query.name === 'all_tenants.refused_in_range')
        return sink.rows('dead_letters').filter((row) => row.reason === 'store_rejected') as Row[]
      const within = (offset: number): boolean => offset >= Number(params.first) && offset <= Number(params.last)
      const present =
        Number(params.partition) >= 0x8000
          ? sink.rows('series_partials').some((row) => row.log_partition === params.partition && within(Number(row.log_offset)))
          : sink.stored(query.name === 'range_present_logs' ? 'otel_logs' : 'series_partials').some(within)
      return (present ? [{ present: 1 }] : []) as Row[]
    },
  }
  return sink
}

const block = (offsets: number[]): Uint8Array => new TextEncoder().encode(JSON.stringify(offsets))

export interface SinkPool {
  decode(input: DecodeInput): Promise<DecodeOutput>
  readonly inputs: number[][]
}

/** A body "poison" is reported as such; one that names an error code ("WORKER_DIED") fails the whole call with it. */
export const createSinkPool = (): SinkPool => {
  const inputs: number[][] = []
  return {
    inputs,
    decode: async ({ messages }) => {
      inputs.push(messages.map((message) => message.offset))
      const bodies = messages.map((message) => new TextDecoder().decode(message.body))
      const fatal = bodies.find(
        (body) => body === 'WORKER_DIED' || body === 'CHILD_DIED' || body === 'DECODE_TIMEOUT' || body === 'DECODE_FAILED',
      )
      if (fatal !== undefined) throw new TransientError(fatal as ErrorCode, 'the worker is gone')
      const good = messages
        .filter((_, index) => bodies[index] !== 'poison')
        .map((message, index) => (bodies[index].startsWith('{"resource') ? -1 : message.offset))
      const poison = messages
        .filter((_, index) => bodies[index] === 'poison')
        .map((message) => ({ offset: message.offset, reason: 'malformed' as const }))
      return {
        logs: good.length > 0 ? block(good) : null,
        logRows: good.length,
        spans: null,
        spanRows: 0,
        partials: good.length > 0 ? block(good) : null,
        partialRows: good.length > 0 ? 1 : 0,
        templateCounts: null,
        templateRows: 0,
        templates: [],
        poison,
      }
    },
  }
}

export interface SinkControlPlane extends ControlPlane {
  monitors: HeartbeatMonitor[]
  readonly opens: SignalOpened[]
  readonly ends: SignalResolved[]
  readonly states: Map<string, AlertState>
  /** Names of the calls that fail once. */
  readonly failing: string[]
}

export const createSinkControlPlane = (monitors: HeartbeatMonitor[] = []): SinkControlPlane => {
  const change = (id: string, to: Partial<HeartbeatMonitor>): void => {
    plane.monitors = plane.monitors.map((monitor) => (monitor.id === id ? { ...monitor, ...to } : monitor))
  }
  const mayFail = (name: string): void => {
    const at = plane.failing.indexOf(name)
    if (at < 0) return
    plane.failing.splice(at, 1)
    throw new Error(`${name} failed`)
  }
  const plane: SinkControlPlane = {
    monitors,
    opens: [],
    ends: [],
    states: new Map(),
    failing: [],
    heartbeatMonitors: async () => {
      mayFail('heartbeatMonitors')
      return plane.monitors
    },
    heartbeatHit: async (tenant, id, receivedAtMs) => {
      mayFail('heartbeatHit')
      const before = plane.monitors.find((monitor) => monitor.id === id)
      if (before === undefined || receivedAtMs <= (before.lastHitAtMs ?? -Infinity)) return
      if (before.missId !== null) plane.ends.push({ tenant, kind: 'heartbeat', id: before.missId, endedAtMs: receivedAtMs })
      change(id, { lastHitAtMs: receivedAtMs, status: 'up', missId: null })
    },
    heartbeatMissed: async (miss, id, lastHitAtMs) => {
      mayFail('heartbeatMissed')
      if (plane.monitors.find((monitor) => monitor.id === id)?.lastHitAtMs !== lastHitAtMs) return false
      change(id, { status: 'down', missId: miss.id })
      if (!plane.opens.some((one) => one.id === miss.id)) plane.opens.push(miss)
      return true
    },
    alertState: async (tenant, fingerprint) => plane.states.get(`${tenant}/${fingerprint}`) ?? null,
    saveAlertState: async (tenant, fingerprint, state) => {
      mayFail('saveAlertState')
      plane.states.set(`${tenant}/${fingerprint}`, state)
    },
    staleAlerts: async (atMs, unseenForMs) =>
      [...plane.states]
        .filter(
          ([, state]) => state.status === 'firing' && state.lastSeenAtMs + Math.min(unseenForMs, state.activeForMs ?? unseenForMs) < atMs,
        )
        .map(([key, state]) => ({ tenant: key.split('/')[0], fingerprint: key.split('/')[1], state })),
    opened: async (signal) => {
      mayFail('opened')
      if (!plane.opens.some((one) => one.id === signal.id)) plane.opens.push(signal)
    },
    resolved: async (signal) => {
      mayFail('resolved')
      plane.ends.push(signal)
    },
  }
  return plane
}
