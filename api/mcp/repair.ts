// Models send "5" for 5 and "[1]" for [1]. Read by the schema, and only where the schema does not take a string; said in the answer. Pure.
import { typesOf, type Schema } from '../openapi/example.ts'

export interface Repaired {
  readonly args: Readonly<Record<string, unknown>>
  readonly repaired: readonly string[]
  readonly notices: readonly string[]
}

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value
const isOf = (value: unknown, types: readonly string[]): boolean =>
  types.includes(typeOf(value)) || (typeOf(value) === 'integer' && types.includes('number'))

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const repairOne = (value: unknown, schema: Schema): unknown => {
  const types = typesOf(schema)
  if (types.length === 0 || isOf(value, types)) return value
  if (typeof value === 'string') {
    const parsed = parse(value)
    if (parsed !== undefined && isOf(parsed, types)) return parsed
    if (types.includes('boolean') && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    if (types.includes('array') && schema.items !== undefined && isOf(value, typesOf(schema.items))) return [value]
  }
  if (types.includes('string') && ['integer', 'number', 'boolean'].includes(typeOf(value))) return String(value)
  return value
}

/** A null for what may be left out is left out; a number beyond a bound of the schema is brought to it, and that is said. */
export const repair = (given: Readonly<Record<string, unknown>>, input: Schema): Repaired => {
  const args: Record<string, unknown> = {}
  const repaired: string[] = []
  const notices: string[] = []
  for (const [name, value] of Object.entries(given)) {
    const schema = Object.hasOwn(input.properties ?? {}, name) ? input.properties![name] : undefined
    if (value === null && schema !== undefined && input.required?.includes(name) !== true) continue
    let made = schema === undefined ? value : repairOne(value, schema)
    if (made !== value) repaired.push(name)
    if (typeof made === 'number' && schema?.maximum !== undefined && made > schema.maximum) {
      notices.push(`${name} was lowered to ${schema.maximum}`)
      made = schema.maximum
    }
    Object.defineProperty(args, name, { value: made, enumerable: true, configurable: true, writable: true })
  }
  return { args, repaired, notices }
}
