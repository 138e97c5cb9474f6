// A model's tool call → the HTTP request that the published routing says → what the model is told. No path is written here: all that
// is known of the API comes from /openapi/tools-routing.json or /openapi/langchain-tools.json.

/** An entry of tools-routing.json; langchain-tools.json has the same fields beside others. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly parameters_in: Readonly<Record<string, string>>
  readonly read_only: boolean
}
export type Routing = Readonly<Record<string, Route>>
export type Arguments = Readonly<Record<string, unknown>>
export type Value = Readonly<Record<string, unknown>>
export interface ToolAnswer {
  readonly status: number
  readonly headers: Headers
  readonly value: Value
}
export interface ToolRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Who acts: a token of its own, a name, and the run that its changes belong to. */
export interface Identity {
  readonly api: string
  readonly token: string
  readonly agent: string
  readonly conversation: string
}
export interface ToolCaller {
  /** `callId` is the model's own for this call: it makes the change's Idempotency-Key when the model gave none. */
  call(name: string, args: Arguments, callId: string): Promise<ToolAnswer>
}

const ATTEMPTS = 3

export const fetchFile = async <T>(api: string, file: string, query = ''): Promise<T> => {
  const response = await fetch(`${api}/openapi/${file}${query}`)
  if (!response.ok) throw new Error(`${file}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

/** Null means absent: strict models must give every argument. */
export const toRequest = (route: Route, args: Arguments): ToolRequest => {
  const given = Object.entries(args).filter(([, value]) => value !== null && value !== undefined)
  const at = (place: string): [string, unknown][] => given.filter(([name]) => route.parameters_in[name] === place)
  const path = at('path').reduce((text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(String(value))), route.path)
  const query = new URLSearchParams(
    at('query').flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, String(one)])),
  )
  const headers = given.flatMap(([name, value]): [string, string][] =>
    route.parameters_in[name]?.startsWith('header:') === true ? [[route.parameters_in[name].slice('header:'.length), String(value)]] : [],
  )
  const body = at('body')
  return {
    method: route.method,
    url: query.size === 0 ? path : `${path}?${query}`,
    headers: { ...Object.fromEntries(headers), ...(body.length === 0 ? {} : { 'content-type': 'application/json' }) },
    ...(body.length === 0 ? {} : { body: JSON.stringify(Object.fromEntries(body)) }),
  }
}

/** `send` loses an answer by throwing: the same request goes out again, and the Idempotency-Key makes it one change. */
export const createToolCaller = (identity: Identity, routing: Routing, send: typeof fetch = fetch): ToolCaller => {
  const authorization = {
    authorization: `Bearer ${identity.token}`,
    'X-Agent-Id': identity.agent,
    'X-Conversation-Id': identity.conversation,
  }
  const request = async (url: string, init: RequestInit): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send(url, init)
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
      }
    }
  }
  return {
    call: async (name, args, callId) => {
      const route = routing[name]
      if (route === undefined) throw new Error(`the model asked for ${name}, which is no tool`)
      const { method, url, headers, body } = toRequest(route, args)
      const key: Record<string, string> = route.read_only ? {} : { 'Idempotency-Key': `${identity.conversation}:${callId}` }
      const response = await request(`${identity.api}${url}`, { method, headers: { ...authorization, ...key, ...headers }, body })
      const text = await response.text()
      return { status: response.status, headers: response.headers, value: text === '' ? {} : (JSON.parse(text) as Value) }
    },
  }
}
