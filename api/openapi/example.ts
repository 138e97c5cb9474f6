// A value that a schema allows, as near to a real one as the wording knows. Pure: the same schema gives the same value.
import { wordingOf } from './wording.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly examples?: readonly unknown[]
  readonly example?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly additionalProperties?: boolean | Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly minProperties?: number
}

export const typesOf = (schema: Schema): readonly string[] => (schema.type === undefined ? [] : ([schema.type].flat() as string[]))

const fits = (value: unknown, schema: Schema): boolean => {
  if (schema.const !== undefined) return value === schema.const
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false
  if (
    typeof value === 'string' &&
    ((schema.maxLength !== undefined && value.length > schema.maxLength) ||
      (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)))
  )
    return false
  if (
    typeof value === 'number' &&
    ((schema.minimum !== undefined && value < schema.minimum) || (schema.maximum !== undefined && value > schema.maximum))
  )
    return false
  return typesOf(schema).some((type) => {
    if (type === 'integer') return Number.isInteger(value)
    if (type === 'array') return Array.isArray(value)
    if (type === 'null') return value === null
    if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
    return typeof value === type
  })
}

const ofType = (schema: Schema, name: string, operationId: string, isWhole: boolean): unknown => {
  const [type] = typesOf(schema).filter((one) => one !== 'null')
  if (type === 'object') {
    const every = Object.keys(schema.properties ?? {})
    const needed = schema.required ?? []
    const names = isWhole ? every : needed.length < (schema.minProperties ?? 0) ? every.slice(0, schema.minProperties) : needed
    return Object.fromEntries(names.map((key) => [key, exampleOf(schema.properties?.[key] ?? {}, key, operationId, isWhole)]))
  }
  if (type === 'array') return schema.items === undefined ? [] : [exampleOf(schema.items, name, operationId, isWhole)]
  if (type === 'boolean') return false
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  if (type === 'string') return /(At|At_|_at|^from|^to)$/.test(name) ? '2026-01-31T12:00:00.000Z' : 'text'
  return null
}

/** `isWhole` = with the properties that may be left out. */
export const exampleOf = (schema: Schema, name: string, operationId: string, isWhole = true): unknown => {
  const own = schema.examples?.[0] ?? schema.example
  if (own !== undefined) return own
  if (schema.const !== undefined) return schema.const
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, name, operationId, isWhole)))
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0], name, operationId, isWhole)
  const known = wordingOf(name, operationId)?.example
  for (const value of [known, Array.isArray(known) ? known[0] : undefined])
    if (value !== undefined && schema.properties === undefined && fits(value, schema)) return value
  if (schema.enum !== undefined) return schema.enum[0]
  return ofType(schema, name, operationId, isWhole)
}
