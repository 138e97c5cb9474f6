// A definition and the schemas of its operation → a tool: what it takes and where each argument goes. Pure.
import { hasScope } from '../../streams/contracts/principal.ts'
import { isMutating } from '../openapi/errors-of.ts'
import { typesOf, type Schema } from '../openapi/example.ts'
import { wordingOf } from '../openapi/wording.ts'
import { operations, type Access, type OperationId } from '../operations.ts'
import type { ToolDefinition, Toolset } from './definitions.ts'

/** A route as it was registered. */
export interface RouteInfo {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly params?: Schema
  readonly querystring?: Schema
  readonly body?: Schema
}
export type Place = 'path' | 'query' | 'body' | 'header:Idempotency-Key'
export interface ObjectSchema extends Schema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Schema>>
  readonly required: readonly string[]
  readonly additionalProperties: false
}
export interface Tool {
  readonly name: string
  readonly title: string
  readonly toolset: Toolset
  readonly description: string
  readonly input: ObjectSchema
  readonly operationId: OperationId
  readonly method: string
  /** With {name} for what goes into the path. */
  readonly path: string
  readonly parametersIn: Readonly<Record<string, Place>>
  readonly scopes: readonly string[]
  readonly isReadOnly: boolean
  readonly isIdempotent: boolean
}

const KEPT = ['enum', 'const', 'minimum', 'maximum', 'pattern', 'maxItems'] as const

/** What a model has to see of a field; the route checks the rest all the same. */
const toProperty = (schema: Schema, name: string, operationId: string): Schema => {
  const description = schema.description ?? wordingOf(name, operationId)?.description
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  const [type = values === undefined ? 'string' : typeof values[0]] = typesOf(schema).filter((one) => one !== 'null')
  return {
    type: type === 'number' && values?.every(Number.isInteger) === true ? 'integer' : type,
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(KEPT.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]])),
    ...(schema.items === undefined
      ? {}
      : { items: toProperty({ ...schema.items, description: schema.items.description ?? '' }, '', operationId) }),
    ...(typeof schema.additionalProperties === 'object' ? { additionalProperties: { type: 'string' } } : {}),
  }
}
const withoutEmpty = (schema: Schema): Schema => {
  const { description, items, ...rest } = schema
  return {
    ...rest,
    ...(description === undefined || description === '' ? {} : { description }),
    ...(items === undefined ? {} : { items: withoutEmpty(items) }),
  }
}

export const toTool = (definition: ToolDefinition, route: RouteInfo): Tool => {
  const access: Access = operations[definition.operation]
  const parts = (
    [
      ['path', route.params],
      ['query', route.querystring],
      ['body', route.body],
    ] as const
  ).flatMap(([place, schema]) =>
    Object.entries(schema?.properties ?? {})
      .filter(([name]) => definition.omit?.includes(name) !== true)
      .map(([name, property]) => ({ name, place, property, isRequired: schema?.required?.includes(name) === true })),
  )
  const isReadOnly = !isMutating(route.method)
  const idempotency = isReadOnly
    ? []
    : [
        {
          name: 'idempotency_key',
          place: 'header:Idempotency-Key' as const,
          property: { type: 'string', description: 'made once for this change, the same again on a retry' },
          isRequired: false,
        },
      ]
  const all = [...parts, ...idempotency]
  return {
    name: definition.name,
    title: definition.title,
    toolset: definition.toolset,
    description: definition.description,
    operationId: definition.operation,
    method: route.method,
    path: route.path.replace(/:(\w+)/g, '{$1}'),
    input: {
      type: 'object',
      properties: Object.fromEntries(
        all.map(({ name, property }) => [
          name,
          withoutEmpty(
            toProperty(
              definition.words?.[name] === undefined ? property : { ...property, description: definition.words[name] },
              name,
              definition.operation,
            ),
          ),
        ]),
      ),
      required: all.filter(({ isRequired }) => isRequired).map(({ name }) => name),
      additionalProperties: false,
    },
    parametersIn: Object.fromEntries(all.map(({ name, place }) => [name, place])),
    scopes: 'public' in access || access.scope === '' ? [] : [access.scope],
    isReadOnly,
    isIdempotent: definition.isIdempotent ?? ['GET', 'PUT'].includes(route.method),
  }
}

/** In the order of the definitions; an operation that is not served has no tool. */
export const toTools = (definitions: readonly ToolDefinition[], routes: readonly RouteInfo[]): readonly Tool[] =>
  definitions.flatMap((definition) => {
    const route = routes.find(({ operationId }) => operationId === definition.operation)
    return route === undefined ? [] : [toTool(definition, route)]
  })

export const isAllowed = (tool: Tool, scopes: readonly string[]): boolean => tool.scopes.every((scope) => hasScope(scopes, scope))
