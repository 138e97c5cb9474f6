// What an agent must not be able to do: calls that no tool makes, tried all the same with its token. Paths come from /openapi.json.
import type { Identity, Routing, Value } from './tool-caller.ts'

const attempts = [
  { operationId: 'deleteMonitor', what: 'delete a monitor' },
  { operationId: 'createToken', what: 'make a token that may do everything', body: { name: 'more', scopes: ['*'] } },
  { operationId: 'getMonitorSecrets', what: 'read a secret' },
  { operationId: 'removeMember', what: 'remove a member' },
] as const

export interface Refusal {
  readonly what: string
  readonly status: number
  readonly value: Value
  readonly tools: readonly string[]
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>
}

/** `routing` is of every tool there is: `tools` names those that would make the call. */
export const tryForbidden = async (
  { api, token, agent, conversation }: Identity,
  routing: Readonly<Record<string, Routing[string] & { readonly operation_id: string }>>,
): Promise<Refusal[]> => {
  const { paths } = (await (await fetch(`${api}/openapi.json`)).json()) as Description
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ path, method, operationId })),
  )
  return await Promise.all(
    attempts.map(async (attempt) => {
      const { path, method } = operations.find(({ operationId }) => operationId === attempt.operationId)!
      const hasBody = 'body' in attempt
      const response = await fetch(`${api}${path.replace(/\{\w+\}/g, 'some-id')}`, {
        method: method.toUpperCase(),
        body: hasBody ? JSON.stringify(attempt.body) : undefined,
        headers: {
          authorization: `Bearer ${token}`,
          'X-Agent-Id': agent,
          'X-Conversation-Id': conversation,
          'Idempotency-Key': `${conversation}:${attempt.operationId}`,
          ...(hasBody ? { 'content-type': 'application/json' } : {}),
        },
      })
      const tools = Object.entries(routing)
        .filter(([, route]) => route.operation_id === attempt.operationId)
        .map(([name]) => name)
      return { what: attempt.what, status: response.status, value: (await response.json()) as Value, tools }
    }),
  )
}
