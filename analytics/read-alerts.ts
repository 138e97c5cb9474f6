// The alerts of a message: inflated and parsed by the rules that ingest answered with, so ids are the same.
import { anomalyIdOf, parseAlertmanager, parsePrometheusAlerts } from '../streams/alerts.ts'
import { inflate } from '../streams/inflate.ts'
import type { AlertReader } from './signals.ts'

export const createAlertReader =
  (maxBytes: number): AlertReader =>
  async ({ envelope, body }) => {
    const inflated = await inflate(body, envelope.compression, maxBytes)
    if (!inflated.ok) return { ok: false, reason: `alerts_${inflated.reason}`, detail: inflated.message }
    const parsed =
      envelope.signal === 'alertmanager' ? parseAlertmanager(inflated.bytes) : parsePrometheusAlerts(inflated.bytes, envelope.receivedAtMs)
    if (!parsed.ok) return { ok: false, reason: 'alerts_malformed', detail: parsed.message }
    return {
      ok: true,
      alerts: parsed.alerts.map((alert) => ({ ...alert, anomalyId: anomalyIdOf(envelope.tenant, alert.fingerprint, alert.startsAt) })),
    }
  }
