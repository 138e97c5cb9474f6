// A token for an agent: the scopes that dealing with an incident takes, and no more.
import type { Reachable } from '../../load/product.ts'

export const SCOPES = ['incidents:read', 'incidents:write', 'context:read', 'logs:read', 'anomalies:read', 'rca:read'] as const
export interface AgentToken {
  readonly id: string
  readonly token: string
}

/** `more`: caps and an expiry, as the API takes them. */
export const makeAgentToken = async (product: Reachable, name: string, more: object = {}): Promise<AgentToken> => {
  const made = await product.api('/api/v1/me/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, scopes: SCOPES, ...more }),
  })
  if (made.status !== 201) throw new Error(`token: ${made.status} ${await made.text()}`)
  return (await made.json()) as AgentToken
}
