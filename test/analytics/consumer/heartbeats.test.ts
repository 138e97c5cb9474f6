import { describe, expect, it } from 'vitest'
import { isHitBy, missedDeadline } from '../../../analytics/heartbeats.ts'
import { advance, deadlineAfter, NO_PROGRESS } from '../../../analytics/marks.ts'
import type { Progress } from '../../../analytics/marks.ts'
import { runEffects, expireAlerts } from '../../../analytics/range-effects.ts'
import { STALE_AFTER_MS } from '../../../analytics/alerts.ts'
import type { ReadAlert, SignalEvent } from '../../../analytics/signals.ts'
import type { HeartbeatMonitor } from '../../../streams/contracts/control-plane.ts'
import { partitionOf } from '../../../streams/partition.ts'
import { createMemoryLog, envelopeOf } from './memory-log.ts'
import { createSinkControlPlane, createSinkStore } from './sink.ts'
import { startOnSinks } from './start.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const monitorOf = (more: Partial<HeartbeatMonitor> = {}): HeartbeatMonitor => ({
  id: 'mon1',
  tenant: 'default',
  name: 'backup',
  service: 'backup',
  intervalMs: 30_000,
  graceMs: 10_000,
  alertLabels: null,
  createdAtMs: T0,
  lastHitAtMs: T0,
  status: 'up',
  missId: null,
  ...more,
})
const marks = (fromMs: number, toMs: number): SignalEvent[] =>
  Array.from({ length: Math.floor((toMs - fromMs) / 5000) + 1 }, (_, index) => ({ kind: 'mark', receivedAtMs: fromMs + index * 5000 }))
const progressOver = (...stretches: [number, number][]): Progress =>
  stretches.flatMap(([from, to]) => marks(from, to)).reduce((progress, mark) => advance(progress, mark.receivedAtMs), NO_PROGRESS)
const hit = (receivedAtMs: number): SignalEvent => ({ kind: 'hit', tenant: 'default', monitorId: 'mon1', receivedAtMs })
const ports = (plane: ReturnType<typeof createSinkControlPlane>) => ({
  controlPlane: plane,
  clickhouse: createSinkStore(),
  neighbours: async () => ['db'],
})
const byTime = (...events: SignalEvent[]): SignalEvent[] => events.sort((a, b) => a.receivedAtMs - b.receivedAtMs)

describe('progress by marks', () => {
  it('time without marks extends a deadline by as much', () => {
    const progress = progressOver([T0, T0 + 20_000], [T0 + 3_620_000, T0 + 3_640_000])
    expect(deadlineAfter(progress, T0 + 1000, 40_000)).toBe(T0 + 41_000 + 3_600_000)
    expect(deadlineAfter(progress, T0 + 3_621_000, 40_000)).toBe(T0 + 3_661_000)
    expect(deadlineAfter(progress, T0 + 1000, 10_000)).toBe(T0 + 11_000)
  })

  it('is bounded and only grows', () => {
    let progress = NO_PROGRESS
    for (let at = 0; at < 500; at += 1) progress = advance(progress, T0 + at * 100_000)
    expect(progress.gaps.length).toBeLessThanOrEqual(32)
    expect(advance(progress, T0)).toBe(progress)
  })
})

describe('a heartbeat', () => {
  it('is missed once the log is consumed past interval and grace, not before', () => {
    for (const upTo of [40_000, 45_000]) expect(missedDeadline(monitorOf(), [progressOver([T0 - 60_000, T0 + upTo])])).toBeNull()
    expect(missedDeadline(monitorOf(), [progressOver([T0 - 60_000, T0 + 50_000])])).toBe(T0 + 40_000)
    expect(missedDeadline(monitorOf({ lastHitAtMs: null, status: 'pending' }), [progressOver([T0 - 60_000, T0 + 50_000])])).toBe(
      T0 + 40_000,
    )
  })

  it('is not missed by our downtime or our lag', () => {
    expect(missedDeadline(monitorOf(), [progressOver([T0 - 60_000, T0 + 5000])])).toBeNull()
    expect(missedDeadline(monitorOf(), [progressOver([T0 - 60_000, T0 + 5000], [T0 + 7_200_000, T0 + 7_230_000])])).toBeNull()
    expect(missedDeadline(monitorOf(), [progressOver([T0 - 60_000, T0 + 5000], [T0 + 7_200_000, T0 + 7_245_000])])).toBe(
      T0 + 40_000 + 7_195_000,
    )
    expect(missedDeadline(monitorOf(), [NO_PROGRESS])).toBeNull()
  })

  it('is judged by the partition its hits come through; one that alerts may hit, by all', () => {
    const consumed = progressOver([T0 - 60_000, T0 + 60_000])
    const own = partitionOf('default/mon1', 2)
    const progress = own === 0 ? [consumed, NO_PROGRESS] : [NO_PROGRESS, consumed]
    expect(missedDeadline(monitorOf(), progress)).toBe(T0 + 40_000)
    expect(missedDeadline(monitorOf(), progress.toReversed())).toBeNull()
    expect(missedDeadline(monitorOf({ alertLabels: { alertname: 'Watchdog' } }), progress)).toBeNull()
    expect(missedDeadline(monitorOf({ alertLabels: { alertname: 'Watchdog' } }), [consumed, consumed])).toBe(T0 + 40_000)
  })

  it('opens a miss once, and the next hit ends it, all inside one range', async () => {
    const plane = createSinkControlPlane([monitorOf()])
    const events = byTime(...marks(T0 - 5000, T0 + 90_000), hit(T0 + 20_000), hit(T0 + 80_000))
    const progress = await runEffects(0, { events, poison: [] }, [NO_PROGRESS], ports(plane))
    expect(plane.opens).toMatchObject([
      {
        tenant: 'default',
        kind: 'heartbeat',
        id: `hb-mon1-${T0 + 60_000}`,
        service: 'backup',
        startedAtMs: T0 + 60_000,
        neighbours: ['db'],
      },
    ])
    expect(plane.ends).toEqual([{ tenant: 'default', kind: 'heartbeat', id: `hb-mon1-${T0 + 60_000}`, endedAtMs: T0 + 80_000 }])
    expect(plane.monitors[0]).toMatchObject({ status: 'up', lastHitAtMs: T0 + 80_000, missId: null })
    expect(progress.markMs).toBe(T0 + 90_000)
  })

  it('told again from the start after any failure, opens and ends the same', async () => {
    for (const failing of ['heartbeatMonitors', 'heartbeatMissed', 'heartbeatHit']) {
      const plane = createSinkControlPlane([monitorOf()])
      plane.failing.push(failing)
      const events = byTime(...marks(T0 - 5000, T0 + 90_000), hit(T0 + 20_000), hit(T0 + 80_000))
      await expect(runEffects(0, { events, poison: [] }, [NO_PROGRESS], ports(plane))).rejects.toThrow(failing)
      await runEffects(0, { events, poison: [] }, [NO_PROGRESS], ports(plane))
      expect(plane.opens.map((signal) => signal.id)).toEqual([`hb-mon1-${T0 + 60_000}`])
      expect(new Set(plane.ends.map((signal) => signal.id))).toEqual(new Set([`hb-mon1-${T0 + 60_000}`]))
      expect(plane.monitors[0]).toMatchObject({ status: 'up', lastHitAtMs: T0 + 80_000 })
    }
  })

  it('is not missed when another process was hit meanwhile, and is judged by that hit from the next range on', async () => {
    const plane = createSinkControlPlane([monitorOf()])
    const { heartbeatMissed } = plane
    plane.heartbeatMissed = async (...asked) => {
      if (plane.monitors[0].lastHitAtMs === T0) await plane.heartbeatHit('default', 'mon1', T0 + 30_000)
      return await heartbeatMissed(...asked)
    }
    const progress = await runEffects(0, { events: marks(T0 - 5000, T0 + 90_000), poison: [] }, [NO_PROGRESS], ports(plane))
    expect([plane.opens, plane.monitors[0]]).toMatchObject([[], { status: 'up', lastHitAtMs: T0 + 30_000 }])
    await runEffects(0, { events: marks(T0 + 95_000, T0 + 100_000), poison: [] }, [progress], ports(plane))
    expect(plane.opens.map((signal) => signal.id)).toEqual([`hb-mon1-${T0 + 70_000}`])
  })

  it('that is down is up by the first hit behind its miss, whichever comes next', async () => {
    const plane = createSinkControlPlane([monitorOf()])
    const events = byTime(...marks(T0 - 5000, T0 + 60_000), hit(T0 + 61_000), hit(T0 + 75_000))
    await runEffects(0, { events, poison: [] }, [NO_PROGRESS], ports(plane))
    expect(plane.ends).toEqual([{ tenant: 'default', kind: 'heartbeat', id: `hb-mon1-${T0 + 40_000}`, endedAtMs: T0 + 61_000 }])
  })

  it('labels match when all wanted are there; none wanted match nothing', () => {
    expect(isHitBy(monitorOf({ alertLabels: { alertname: 'Watchdog' } }), { alertname: 'Watchdog', severity: 'none' })).toBe(true)
    expect(isHitBy(monitorOf({ alertLabels: { alertname: 'Watchdog', env: 'a' } }), { alertname: 'Watchdog' })).toBe(false)
    expect(isHitBy(monitorOf({ alertLabels: {} }), { alertname: 'Watchdog' })).toBe(false)
    expect(isHitBy(monitorOf(), { alertname: 'Watchdog' })).toBe(false)
  })
})

const alertOf = (more: Partial<ReadAlert> = {}): ReadAlert => ({
  fingerprint: 'fp1',
  labels: { alertname: 'HighErrors' },
  anomalyId: 'anom-1',
  status: 'firing',
  startsAt: new Date(T0).toISOString(),
  endsAt: '',
  service: 'checkout',
  alertname: 'HighErrors',
  severity: 'critical',
  summary: 'errors',
  ...more,
})

describe('signals through the consumer', () => {
  it('an alert opens and resolves once, with its row and its series', async () => {
    const log = createMemoryLog()
    const plane = createSinkControlPlane()
    plane.failing.push('saveAlertState', 'opened', 'resolved')
    log.put(0, envelopeOf('alertmanager', T0 + 1000), JSON.stringify([alertOf()]))
    log.put(0, envelopeOf('alertmanager', T0 + 2000), JSON.stringify([alertOf()]))
    const { consumer, store } = startOnSinks(log, { plane })
    await consumer.idle()
    expect(plane.opens).toEqual([
      {
        tenant: 'default',
        kind: 'alert',
        id: 'anom-1',
        service: 'checkout',
        summary: 'errors',
        severity: 'critical',
        startedAtMs: T0,
        neighbours: [],
      },
    ])
    log.put(
      0,
      envelopeOf('alertmanager', T0 + 65_000),
      JSON.stringify([alertOf({ status: 'resolved', endsAt: new Date(T0 + 60_000).toISOString() })]),
    )
    await consumer.idle()
    await consumer.close()
    expect(new Set(plane.ends.map((signal) => `${signal.id} ${signal.endedAtMs}`))).toEqual(new Set([`anom-1 ${T0 + 60_000}`]))
    const rows = store.rows('anomalies')
    expect(rows.at(-1)).toMatchObject({
      tenant: 'default',
      anomaly_id: 'anom-1',
      kind: 'alert',
      service_id: 'checkout',
      metric_name: 'HighErrors',
      resolved: 1,
      detected_at: ((T0 + 1000) / 1000).toFixed(3),
      resolved_at: ((T0 + 60_000) / 1000).toFixed(3),
      summary: 'errors',
      rca_triggered: 1,
    })
    expect(Number(rows.at(-1)?.version)).toBeGreaterThan(Number(rows[0].version))
    expect(store.rows('series_partials')).toMatchObject([
      { service: 'checkout', bucket: T0 / 1000, metric: ['alert.count'], count: [2], log_partition: 0x8000, log_offset: 0, last_offset: 1 },
    ])
  })

  it('a firing alert that matches a monitor is a hit and opens nothing', async () => {
    const log = createMemoryLog()
    const plane = createSinkControlPlane([monitorOf({ alertLabels: { alertname: 'Watchdog' } })])
    log.put(0, envelopeOf('alertmanager', T0 + 7000), JSON.stringify([alertOf({ labels: { alertname: 'Watchdog', severity: 'none' } })]))
    log.put(
      0,
      envelopeOf('alertmanager', T0 + 9000),
      JSON.stringify([alertOf({ status: 'resolved', labels: { alertname: 'Watchdog', severity: 'none' } })]),
    )
    const { consumer, store } = startOnSinks(log, { plane })
    await consumer.idle()
    await consumer.close()
    expect(plane.monitors[0].lastHitAtMs).toBe(T0 + 7000)
    expect([plane.opens, plane.ends, store.rows('anomalies'), store.rows('series_partials')]).toEqual([[], [], [], []])
  })

  it('hits are a series of intervals, of those that follow one another', async () => {
    const log = createMemoryLog()
    const plane = createSinkControlPlane([monitorOf({ lastHitAtMs: T0 })])
    for (const afterMs of [30_000, 61_000, 61_000, 90_000]) log.put(0, envelopeOf('heartbeat', T0 + afterMs, { subject: 'mon1' }))
    log.put(0, envelopeOf('heartbeat', T0 + 91_000, { subject: 'deleted-monitor' }))
    const { consumer, store } = startOnSinks(log, { plane }, { limits: { maxMessages: 2 } })
    await consumer.idle()
    await consumer.close()
    expect(store.rows('series_partials').map((row) => row.sum)).toEqual([[30_000], [31_000], [29_000]])
    expect(plane.monitors[0].lastHitAtMs).toBe(T0 + 90_000)
  })

  it('downtime between two runs is not a miss; silence while it runs is', async () => {
    const log = createMemoryLog()
    const plane = createSinkControlPlane([monitorOf({ lastHitAtMs: null, status: 'pending' })])
    const markUp = (fromMs: number, toMs: number): void => {
      for (const mark of marks(fromMs, toMs)) log.put(0, envelopeOf('mark', mark.receivedAtMs))
    }
    markUp(T0 - 5000, T0 + 5000)
    log.put(0, envelopeOf('heartbeat', T0 + 6000, { subject: 'mon1' }))
    markUp(T0 + 10_000, T0 + 20_000)
    const first = startOnSinks(log, { plane })
    await first.consumer.idle()
    await first.consumer.close()
    const later = T0 + 8 * 3_600_000
    markUp(later, later + 20_000)
    const second = startOnSinks(log, { plane })
    await second.consumer.idle()
    expect(plane.opens).toEqual([])
    markUp(later + 25_000, later + 60_000)
    await second.consumer.idle()
    await second.consumer.close()
    expect(plane.opens.map((signal) => signal.id)).toEqual([`hb-mon1-${later + 26_000}`])
  })

  it('an alert that nobody mentions for 9 h of listening is over', async () => {
    const plane = createSinkControlPlane()
    const events: SignalEvent[] = [
      { kind: 'alert', tenant: 'default', alert: alertOf(), position: { partition: 0, offset: 0, index: 0 }, receivedAtMs: T0 },
    ]
    await runEffects(0, { events, poison: [] }, [NO_PROGRESS], ports(plane))
    const listening = progressOver([T0 - 5000, T0 + STALE_AFTER_MS + 5000])
    await expireAlerts([progressOver([T0 - 5000, T0 + 5000], [T0 + STALE_AFTER_MS, T0 + STALE_AFTER_MS + 5000])], ports(plane))
    await expireAlerts([listening, NO_PROGRESS], ports(plane))
    expect(plane.ends).toEqual([])
    await expireAlerts([listening], ports(plane))
    await expireAlerts([listening], ports(plane))
    expect(plane.ends).toEqual([{ tenant: 'default', kind: 'alert', id: 'anom-1', endedAtMs: T0 + STALE_AFTER_MS }])
  })

  it('an alert that is active until a time is over then, unless it is sent again or the time was not listened to', async () => {
    const plane = createSinkControlPlane()
    const seen = async (offset: number, atMs: number, activeForMs: number): Promise<void> => {
      const alert = alertOf({ endsAt: new Date(atMs + activeForMs).toISOString() })
      await runEffects(
        0,
        {
          events: [{ kind: 'alert', tenant: 'default', alert, position: { partition: 0, offset, index: 0 }, receivedAtMs: atMs }],
          poison: [],
        },
        [NO_PROGRESS],
        ports(plane),
      )
    }
    await seen(0, T0, 240_000)
    await seen(1, T0 + 60_000, 240_000)
    await expireAlerts([progressOver([T0 - 5000, T0 + 295_000])], ports(plane))
    await expireAlerts([progressOver([T0 - 5000, T0 + 100_000], [T0 + 800_000, T0 + 900_000])], ports(plane))
    expect(plane.ends).toEqual([])
    await expireAlerts([progressOver([T0 - 5000, T0 + 305_000])], ports(plane))
    expect(plane.ends).toEqual([{ tenant: 'default', kind: 'alert', id: 'anom-1', endedAtMs: T0 + 300_000 }])
    await seen(2, T0 + 400_000, 240_000)
    expect(plane.opens).toHaveLength(1)
    expect([...plane.states.values()].map((state) => state.status)).toEqual(['firing'])
  })
})
