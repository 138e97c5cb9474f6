import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { alertFingerprint, anomalyIdOf, parseAlertmanager, parsePrometheusAlerts } from '../../streams/alerts.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/clients/${name}`, import.meta.url))
const alertsOf = (parsed: ReturnType<typeof parseAlertmanager>) => {
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.alerts
}

describe('alertFingerprint', () => {
  it('is the one that Alertmanager sends for the same labels', () => {
    for (const name of ['alertmanager/firing.bin', 'alertmanager/resolved.bin', 'alertmanager/from_prometheus.bin']) {
      for (const alert of alertsOf(parseAlertmanager(fixture(name)))) expect(alertFingerprint(alert.labels), name).toBe(alert.fingerprint)
    }
  })
  it('does not depend on the order of labels', () => {
    expect(alertFingerprint({ a: '1', b: '2' })).toBe(alertFingerprint({ b: '2', a: '1' }))
    expect(alertFingerprint({ a: '1', b: '2' })).not.toBe(alertFingerprint({ a: '2', b: '1' }))
  })
})

describe('anomalyIdOf', () => {
  it('has 12 hex digits and differs by tenant, fingerprint and start', () => {
    const ids = [
      ['t', 'f', 's'],
      ['u', 'f', 's'],
      ['t', 'g', 's'],
      ['t', 'f', 'r'],
    ].map(([tenant, fingerprint, startsAt]) => anomalyIdOf(tenant, fingerprint, startsAt))
    expect(ids.every((id) => /^anom-[0-9a-f]{12}$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(4)
  })
})

describe('parseAlertmanager', () => {
  it('reads a recorded firing alert, its open end empty', () => {
    expect(alertsOf(parseAlertmanager(fixture('alertmanager/firing.bin')))).toEqual([
      expect.objectContaining({
        fingerprint: '7d2d332feada5c59',
        status: 'firing',
        service: 'checkout',
        alertname: 'HighErrorRate',
        severity: 'critical',
        summary: '5xx > 5%',
        startsAt: '2026-11-23T14:37:51.941008904Z',
        endsAt: '',
      }),
    ])
  })
  it('needs nothing but alerts[] with status and labels', () => {
    const [alert] = alertsOf(
      parseAlertmanager(bytes({ alerts: [{ status: 'resolved', labels: { alertname: 'Down', job: 'cart', service_id: ' ' } }] })),
    )
    expect(alert).toMatchObject({
      status: 'resolved',
      service: 'cart',
      severity: 'major',
      startsAt: '',
      summary: 'Down on cart',
      fingerprint: alertFingerprint({ alertname: 'Down', job: 'cart', service_id: ' ' }),
    })
  })
  it('takes the service from the first of its labels in their order', () => {
    const labels = { job: 'e', app: 'd', service_name: 'c', service: 'b', service_id: 'a' } as Record<string, string>
    for (const [name, value] of Object.entries(labels).toReversed()) {
      expect(alertsOf(parseAlertmanager(bytes({ alerts: [{ status: 'firing', labels }] })))[0].service).toBe(value)
      delete labels[name]
    }
    expect(alertsOf(parseAlertmanager(bytes({ alerts: [{ status: 'firing', labels }] })))[0].service).toBe('unknown_service')
  })
  it('has no half of a surrogate pair in any of its texts, sent so or cut so: no store takes it', () => {
    const half = '\\ud800'
    const [alert] = alertsOf(
      parseAlertmanager(
        bytes(
          `{"alerts":[{"status":"firing","labels":{"alertname":"a${half}","service":"${'😀'.repeat(200)}","${half}":"x${half}"},"annotations":{"summary":"s${half}${'x'.repeat(1021)}😀"},"startsAt":"t${half}"}]}`,
        ),
      ),
    )
    for (const text of [
      alert.alertname,
      alert.service,
      alert.summary,
      alert.startsAt,
      ...Object.entries(alert.labels).flat(),
      ...Object.values(alert.annotations),
    ])
      expect([text, text.isWellFormed()]).toEqual([text, true])
    expect(alert.service).toBe(`${'😀'.repeat(127)}\ufffd`)
  })
  it('refuses what is no webhook payload, saying where', () => {
    for (const [body, message] of [
      ['{', 'JSON'],
      ['[]', 'custom'],
      ['null', 'custom'],
      [{ alerts: [1] }, 'alerts[0]'],
      [{ alerts: [{ status: 'firing', labels: { a: 1 } }] }, 'alerts[0].labels'],
      [{ alerts: [{ status: 'on', labels: {} }] }, 'alerts[0].status'],
    ] as const) {
      expect(parseAlertmanager(bytes(body))).toEqual({ ok: false, message: expect.stringContaining(message) })
    }
    expect(parseAlertmanager(Uint8Array.of(0x22, 0xff, 0x22)).ok).toBe(false)
  })
})

describe('parsePrometheusAlerts', () => {
  it('is firing while endsAt is ahead of the receive time, resolved after', () => {
    const body = fixture('prometheus/alertmanager_api_v2.bin')
    expect(alertsOf(parsePrometheusAlerts(body, Date.parse('2026-11-23T14:41:20Z')))[0]).toMatchObject({
      status: 'firing',
      service: 'cart',
      severity: 'critical',
      startsAt: '2026-11-23T14:41:10.632Z',
      endsAt: '2026-11-23T14:41:24.632Z',
    })
    expect(alertsOf(parsePrometheusAlerts(body, Date.parse('2026-11-23T14:41:25Z')))[0]).toMatchObject({
      status: 'resolved',
      endsAt: '2026-11-23T14:41:24.632Z',
    })
  })
  it('refuses an end that is no time', () => {
    expect(parsePrometheusAlerts(bytes([{ labels: {}, endsAt: 'soon' }]), 0)).toEqual({
      ok: false,
      message: 'alerts[0].endsAt is not a time',
    })
  })
})
