// What every agent under test is given: a product with an incident of its own, a token for that, a script, and a model that follows it.
import { makeAgentToken } from '../../../bench/demo/agent/agent-token.ts'
import { incidentScript, type Step } from '../../../bench/demo/agent/incident-script.ts'
import { createToolCaller, fetchFile, type Arguments, type Identity, type Routing } from '../../../bench/demo/agent/tool-caller.ts'
import { until, type Reachable } from '../../../bench/load/product.ts'
import { openModelEndpoint } from './model-endpoint.ts'

export const TASK = 'Something is wrong. Find out what, deal with it and write it up.'
export const TOOLS = '?toolset=core,incidents'

export interface Stage {
  readonly api: string
  readonly model: string
  readonly identity: Identity
  readonly script: readonly Step[]
  readonly incidentId: string
  /** The token's id in the audit trail. */
  readonly tokenId: string
  /** Carries a tool call out; the text that the model is told. */
  call(name: string, args: Arguments, callId: string): Promise<string>
  close(): Promise<void>
}

const json = { 'content-type': 'application/json' }

/** A firing alert and what the service logs about it; the id of the incident, once that is open and the records are found. */
export const openIncident = async (product: Reachable, service: string): Promise<string> => {
  const { alerts, otlp } = product.addresses()
  const logs = Array.from({ length: 5 }, (_, index) => ({
    service,
    level: 'error',
    message: `${service}: connection pool exhausted ${index}`,
  }))
  await fetch(`${otlp}/api/v1/logs/ingest`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${product.token}` },
    body: JSON.stringify(logs),
  })
  await fetch(`${alerts}/api/v1/alerts/webhook`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({
      version: '4',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'HighErrorRate', service, severity: 'critical' },
          annotations: { summary: `${service} fails` },
          startsAt: new Date().toISOString(),
          endsAt: '0001-01-01T00:00:00Z',
        },
      ],
    }),
  })
  let id = ''
  await until(`the incident of ${service}`, 20_000, async () => {
    const { incidents } = (await (await product.api('/api/v1/incidents')).json()) as { incidents: { id: string; services: string[] }[] }
    const { events } = (await (await product.api(`/api/v1/logs/search?service=${service}`)).json()) as { events: unknown[] }
    id = incidents.find((one) => one.services.includes(service))?.id ?? ''
    return id !== '' && events.length === logs.length
  })
  return id
}

/** `send` may lose answers on their way. */
export const openStage = async (
  product: Reachable,
  service: string,
  options: { token?: object; send?: typeof fetch } = {},
): Promise<Stage> => {
  const { api } = product.addresses()
  const { id: tokenId, token } = await makeAgentToken(product, `agent of ${service}`, options.token)
  const incidentId = await openIncident(product, service)
  const script = incidentScript(service)
  const model = await openModelEndpoint(script)
  const identity: Identity = { api, token, agent: `agent-${service}`, conversation: `run-${service}` }
  const caller = createToolCaller(identity, await fetchFile<Routing>(api, 'tools-routing.json', TOOLS), options.send)
  return {
    api,
    model: model.url,
    identity,
    script,
    incidentId,
    tokenId,
    call: async (...call) => JSON.stringify((await caller.call(...call)).value),
    close: model.close,
  }
}
