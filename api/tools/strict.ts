// The subset of JSON Schema that OpenAI's strict mode takes: every property required, what may be left out is nullable instead. Pure.
import { typesOf, type Schema } from '../openapi/example.ts'

/** Objects of free keys cannot be said in the subset. */
const isMap = (schema: Schema): boolean => typesOf(schema).includes('object') && schema.properties === undefined

const nullable = (schema: Schema): Schema => ({
  ...schema,
  type: [...typesOf(schema), 'null'],
  ...(schema.enum === undefined ? {} : { enum: [...schema.enum, null] }),
})

export const toStrict = (schema: Schema): Schema => {
  if (schema.items !== undefined) return { ...schema, items: toStrict(schema.items) }
  if (schema.properties === undefined) return schema
  const kept = Object.entries(schema.properties).filter(([, property]) => !isMap(property))
  return {
    ...schema,
    properties: Object.fromEntries(
      kept.map(([name, property]) => [name, schema.required?.includes(name) === true ? toStrict(property) : nullable(toStrict(property))]),
    ),
    required: kept.map(([name]) => name),
    additionalProperties: false,
  }
}

/** What the strict form of an input cannot take. */
export const lostInStrict = (schema: Schema): readonly string[] =>
  Object.entries(schema.properties ?? {})
    .filter(([, property]) => isMap(property))
    .map(([name]) => name)
