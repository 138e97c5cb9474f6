// How the answer of an operation is shown to a model: which list it holds, what is short of a row, and what of it others have written.
import type { OperationId } from '../operations.ts'

export interface Shape {
  /** The property that holds the rows; an object is shown as it is when there is none. */
  readonly list?: string
  /** The rows are arrays already, under `columns`. */
  readonly isTable?: true
  readonly concise?: readonly string[]
  /** Written by whoever sends telemetry. */
  readonly untrusted?: readonly string[]
  /** Name of the cursor in the answer, and of the argument that takes it. */
  readonly cursor?: readonly [answer: string, argument: string]
  /** Longest text of one field, in characters. */
  readonly fieldLimit?: number
}

export const FIELD_LIMIT = 512
const next = ['nextCursor', 'cursor'] as const
const incidentText = ['title', 'signals', 'updates', 'postmortem', 'analysis', 'blast', 'services']

export const shapes: Readonly<Partial<Record<OperationId, Shape>>> = {
  searchLogs: {
    list: 'events',
    concise: ['id', 'ts', 'level', 'service', 'message'],
    untrusted: ['service', 'host', 'message', 'eventName', 'attrs', 'resource'],
    cursor: next,
  },
  aggregateLogs: { list: 'rows', isTable: true },
  getLog: { untrusted: ['service', 'host', 'message', 'eventName', 'attrs', 'resource'], fieldLimit: 8000 },
  listIncidents: {
    list: 'incidents',
    concise: ['id', 'number', 'title', 'severity', 'status', 'openedAt', 'services'],
    untrusted: incidentText,
    cursor: next,
  },
  getIncident: { untrusted: incidentText, fieldLimit: 2000 },
  updateIncident: { untrusted: incidentText },
  getAnalysis: { untrusted: ['verdict', 'causes', 'timeline', 'similar', 'nextChecks'] },
  getBlast: { untrusted: ['root', 'impacted', 'edges'] },
  listResolutions: {
    list: 'resolutions',
    concise: ['knowledge_base_id', 'incident_id', 'resolution', 'services', 'created_at'],
    untrusted: ['resolution', 'services', 'tags'],
  },
  listAnomalies: {
    list: 'anomalies',
    concise: [
      'anomaly_id',
      'kind',
      'service_id',
      'metric_name',
      'anomaly_score',
      'observed',
      'expected',
      'detected_at',
      'resolved',
      'summary',
    ],
    untrusted: ['service_id', 'metric_name', 'summary'],
    cursor: ['page_token', 'page_token'],
  },
  getAnomaly: { untrusted: ['service_id', 'metric_name', 'summary'] },
  giveAnomalyFeedback: { untrusted: ['service_id', 'metric_name'] },
  getSeries: { list: 'points', concise: ['at', 'value', 'expected', 'lower', 'upper'], untrusted: ['service', 'metric'] },
  getDetectionSettings: { list: 'settings', untrusted: ['service_id', 'metric_name'] },
  getCorrelations: { list: 'correlations', untrusted: ['related_service'] },
  getServiceContext: { untrusted: ['rates', 'anomalies', 'neighbours', 'declared', 'openIncidents'] },
  listMaintenanceWindows: {
    list: 'maintenanceWindows',
    concise: ['id', 'services', 'startsAt', 'endedAt', 'status', 'reason'],
    untrusted: ['services', 'reason'],
  },
  getMaintenanceWindow: { untrusted: ['services', 'reason', 'muted'] },
  listMonitors: { list: 'monitors', concise: ['id', 'name', 'service', 'status', 'intervalSec', 'lastHitAt'] },
  listMonitorChecks: { list: 'checks', cursor: next },
  getMonitorTimeline: { list: 'buckets' },
  listAuditLogs: {
    list: 'auditLogs',
    concise: ['id', 'createdAt', 'actorEmail', 'agentId', 'conversationId', 'action', 'resource'],
    untrusted: ['agentId', 'conversationId', 'meta'],
    cursor: next,
  },
  listDeadLetters: {
    list: 'deadLetters',
    concise: ['id', 'receivedAt', 'signal', 'reason', 'records', 'bodyBytes'],
    untrusted: ['detail'],
    cursor: next,
  },
  getDeadLetter: { untrusted: ['detail', 'bodyBase64'] },
  listTokens: { list: 'tokens' },
  listErrors: { list: 'errors', concise: ['code', 'status', 'meaning', 'hint'] },
}
