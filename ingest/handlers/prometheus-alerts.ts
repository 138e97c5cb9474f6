// POST /api/v2/alerts: Prometheus sends its alerts to us as if we were an Alertmanager.
import { parsePrometheusAlerts } from '../../streams/alerts.ts'
import { jsonReply } from '../http/json-reply.ts'
import type { AlertRoute } from './alerts.ts'

export const prometheusRoute: AlertRoute = {
  signal: 'prometheus_alerts',
  parse: parsePrometheusAlerts,
  toReply: () => jsonReply({ status: 'success' }),
  hint: 'send an array of alerts as Prometheus does: [{"labels":{…},"startsAt":"…","endsAt":"…"}]',
}
