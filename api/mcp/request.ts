// Arguments of a tool → the call of the API that it stands for. Pure.
import type { Tool } from '../tools/derive.ts'

export interface ApiCall {
  readonly method: string
  readonly url: string
  readonly body: Readonly<Record<string, unknown>> | null
  readonly headers: Readonly<Record<string, string>>
}

export const toCall = (tool: Tool, args: Readonly<Record<string, unknown>>): ApiCall => {
  const given = Object.entries(tool.parametersIn)
    .filter(([name]) => Object.hasOwn(args, name))
    .map(([name, place]) => ({ name, place, value: args[name] }))
  const query = new URLSearchParams(
    given
      .filter(({ place }) => place === 'query')
      .flatMap(({ name, value }) => [value].flat().map((one): [string, string] => [name, String(one)])),
  )
  const path = tool.path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(args[name] ?? '')))
  const body = Object.fromEntries(given.filter(({ place }) => place === 'body').map(({ name, value }) => [name, value]))
  const takesBody = Object.values(tool.parametersIn).includes('body')
  return {
    method: tool.method,
    url: query.size === 0 ? path : `${path}?${query.toString()}`,
    body: takesBody ? body : null,
    headers: Object.fromEntries(
      given
        .filter(({ place }) => place.startsWith('header:'))
        .map(({ place, value }) => [place.slice('header:'.length).toLowerCase(), String(value)]),
    ),
  }
}
