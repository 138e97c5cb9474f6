// The one table of operations: who may call what. A route whose operationId is not here is refused at registration.
import type { Role } from '../streams/contracts/principal.ts'

export type Access =
  | { readonly public: true }
  | {
      /** Empty: any token. */ readonly scope: string
      readonly role: Role
      /** Needs no token on a loopback listener. */ readonly openOnLoopback?: true
      /** Takes a body to read with: spends no cap, knows no Idempotency-Key and no dry run. */ readonly changesNothing?: true
    }
const read = (scope: string): Access => ({ scope, role: 'viewer' })
const write = (scope: string): Access => ({ scope, role: 'member' })
const administer = (scope: string): Access => ({ scope, role: 'admin' })
const open: Access = { public: true }

export const operations = {
  listAnomalies: read('anomalies:read'),
  getAnomaly: read('anomalies:read'),
  plotAnomaly: read('anomalies:read'),
  giveAnomalyFeedback: write('anomalies:write'),
  takeBackAnomalyFeedback: write('anomalies:write'),
  getSeries: read('anomalies:read'),
  plotSeries: read('anomalies:read'),
  getDetectionSettings: read('anomalies:read'),
  setDetectionSettings: write('anomalies:write'),
  resetDetectionSettings: write('anomalies:write'),
  getCorrelations: read('rca:read'),
  getStatus: read('anomalies:read'),
  searchLogs: read('logs:read'),
  aggregateLogs: read('logs:read'),
  listLogPatterns: read('logs:read'),
  getLog: read('logs:read'),
  // Bodies as received: whoever may only look at results has no need of them.
  listDeadLetters: { scope: 'logs:read', role: 'member' },
  getDeadLetter: { scope: 'logs:read', role: 'member' },
  listIncidents: read('incidents:read'),
  getIncident: read('incidents:read'),
  updateIncident: write('incidents:write'),
  addIncidentUpdate: write('incidents:write'),
  acknowledgeIncident: write('incidents:write'),
  resolveIncident: write('incidents:write'),
  setPostmortem: write('incidents:write'),
  storeResolution: write('incidents:write'),
  listResolutions: read('incidents:read'),
  deleteResolution: write('incidents:write'),
  getAnalysis: read('incidents:read'),
  drawIncidentGraph: read('incidents:read'),
  getBlast: read('context:read'),
  getServiceContext: read('context:read'),
  getTopology: read('context:read'),
  listServiceDeclarations: read('context:read'),
  getServiceDeclaration: read('context:read'),
  declareService: write('context:write'),
  withdrawServiceDeclaration: write('context:write'),
  listMonitors: read('monitors:read'),
  createMonitor: write('monitors:write'),
  getMonitor: read('monitors:read'),
  patchMonitor: write('monitors:write'),
  listMonitorChecks: read('monitors:read'),
  getMonitorStats: read('monitors:read'),
  getMonitorTimeline: read('monitors:read'),
  deleteMonitor: write('monitors:write'),
  getMonitorSecrets: administer('secrets:read'),
  rotateHeartbeatToken: write('monitors:write'),
  listMaintenanceWindows: read('maintenance:read'),
  createMaintenanceWindow: write('maintenance:write'),
  getMaintenanceWindow: read('maintenance:read'),
  endMaintenanceWindow: write('maintenance:write'),
  listTokens: read('tokens:read'),
  createToken: write('tokens:write'),
  revokeToken: write('tokens:write'),
  listApiKeys: administer('tokens:read'),
  createApiKey: administer('tokens:write'),
  revokeApiKey: administer('tokens:write'),
  // Whoever holds a token may ask what it is good for.
  getPermissions: { scope: '', role: 'viewer' },
  listMembers: administer('tokens:read'),
  removeMember: { scope: '*', role: 'owner' },
  listTenants: { scope: '*', role: 'super-admin' },
  createTenant: { scope: '*', role: 'super-admin' },
  listAuditLogs: read('audit:read'),
  verifyAuditLogs: read('audit:read'),
  live: open,
  ready: open,
  health: open,
  version: open,
  metrics: { ...read('anomalies:read'), openOnLoopback: true },
  openapi: open,
  listErrors: open,
  // What a tool may do is asked of the operation that it stands for.
  mcp: { scope: '', role: 'viewer', changesNothing: true },
  getMcpMetadata: open,
  listTools: open,
  getOpenaiTools: open,
  getOpenaiResponsesTools: open,
  getAnthropicTools: open,
  getLangchainTools: open,
  getToolsRouting: open,
} as const satisfies Record<string, Access>

export type OperationId = keyof typeof operations
export const roleLevel: Readonly<Record<Role, number>> = { viewer: 1, member: 2, admin: 3, owner: 4, 'super-admin': 5 }
