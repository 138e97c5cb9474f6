// The example of an error of the API (a call over HTTP, a query, or a value) → the arguments of the tool that it corrects. Pure.
import { exampleOf, type Schema } from '../openapi/example.ts'
import { repair } from './repair.ts'

type Values = Readonly<Record<string, unknown>>

const ofQuery = (query: string): Values => Object.fromEntries(new URLSearchParams(query))
const ofCall = (text: string): Values => {
  const [target, body] = [text.split(' ')[1] ?? '', text.slice(text.indexOf('{') === -1 ? text.length : text.indexOf('{'))]
  let values: Values = {}
  try {
    values = JSON.parse(body) as Values
  } catch {
    /* Cut, or without one. */
  }
  return { ...ofQuery(target.split('?')[1] ?? ''), ...values }
}
const valuesOf = (name: string, text: string): Values => {
  if (/^(GET|POST|PUT|PATCH|DELETE) \//.test(text)) return ofCall(text)
  if (text.startsWith(`${name}=`) || /^\w+=[^&]*&/.test(text)) return ofQuery(text)
  return { [name]: text }
}

/** Of a field that the tool does not have: nothing. */
export const correctedArguments = (
  { path, example }: { readonly path: string; readonly example?: string },
  input: Schema,
  operationId: string,
): Values => {
  const [name] = path.split('.')
  const properties = input.properties ?? {}
  const given =
    example === undefined
      ? {}
      : Object.fromEntries(Object.entries(valuesOf(name, example)).filter(([key]) => Object.hasOwn(properties, key)))
  const { args } = repair(given, input)
  return Object.hasOwn(args, name) || !Object.hasOwn(properties, name)
    ? args
    : { ...args, [name]: exampleOf(properties[name], name, operationId) }
}
