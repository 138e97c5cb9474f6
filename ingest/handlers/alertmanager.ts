// POST /api/v1/alerts/webhook: Alertmanager's webhook, payload version 4.
import { parseAlertmanager } from '../../streams/alerts.ts'
import { jsonReply } from '../http/json-reply.ts'
import type { AlertRoute } from './alerts.ts'

export const alertmanagerRoute: AlertRoute = {
  signal: 'alertmanager',
  parse: parseAlertmanager,
  toReply: ({ rcaTriggered, anomalyId }) => jsonReply({ status: 'ok', rca_triggered: rcaTriggered, anomaly_id: anomalyId }),
  hint: 'send Alertmanager\'s webhook payload, version 4: {"alerts":[{"status":"firing","labels":{…}}]}',
}
