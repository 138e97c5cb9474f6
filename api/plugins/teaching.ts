// What a request that has not the shape of its route is told: the path, what is allowed there, what was probably meant, and one call that would do.
// Nothing of the caller's own values is repeated in the corrected call: it is made of the schema.
import type { FieldError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { exampleOf, type Schema } from '../openapi/example.ts'

export interface Validation {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
  readonly parentSchema?: Schema
  readonly data?: unknown
}
export interface Asked {
  readonly method: string
  readonly route: string
  readonly operationId: string
  readonly part: string
  /** Where the caller knows the route as a tool. */
  readonly tool?: { readonly name: string; readonly input: Schema }
  readonly schemas: { readonly params?: Schema; readonly querystring?: Schema; readonly body?: Schema }
}

const MAX_ALLOWED = 24
const MAX_EXAMPLE = 400

const queryOf = (values: Readonly<Record<string, unknown>>): string => {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    [value].flat().map((one) => `${encodeURIComponent(key)}=${encodeURIComponent(String(one))}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

const shorten = (text: string): string => (text.length > MAX_EXAMPLE ? `${text.slice(0, MAX_EXAMPLE)}…` : text)

/** A call of the route with what it needs, and `fixed` set as it should be. */
export const exampleCall = (
  { method, route, operationId, schemas, tool }: Asked,
  part: string,
  fixed: Readonly<Record<string, unknown>> = {},
): string => {
  if (tool !== undefined)
    return shorten(`${tool.name} ${JSON.stringify({ ...(exampleOf(tool.input, '', operationId, false) as object), ...fixed })}`)
  const made = (schema: Schema | undefined, isFixed: boolean): Record<string, unknown> => ({
    ...(exampleOf({ ...schema, type: 'object' }, '', operationId, false) as object),
    ...(isFixed ? fixed : {}),
  })
  const params = made(schemas.params, false)
  const path = route.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(String(params[name] ?? name)))
  const body = schemas.body === undefined ? {} : made(schemas.body, part === 'body')
  const text = `${method} ${path}${queryOf(schemas.querystring === undefined ? {} : made(schemas.querystring, part === 'querystring'))}${Object.keys(body).length === 0 ? '' : ` ${JSON.stringify(body)}`}`
  return shorten(text)
}

const correct = (asked: Asked, name: string, value: unknown): string | undefined => {
  const schema =
    asked.tool !== undefined
      ? asked.tool.input
      : asked.part === 'body' || asked.part === 'querystring'
        ? asked.schemas[asked.part]
        : undefined
  const property = schema?.properties?.[name]
  if (property === undefined) return exampleCall(asked, asked.part)
  return exampleCall(asked, asked.part, { [name]: value ?? exampleOf(property, name, asked.operationId) })
}

const listed = (values: readonly unknown[]): { allowed: readonly unknown[] } => ({ allowed: values.slice(0, MAX_ALLOWED) })

export const toField = (error: Validation, asked: Asked): FieldError => {
  const schema = error.parentSchema ?? {}
  const unknown = error.params.additionalProperty as string | undefined
  const name = (error.params.missingProperty ?? unknown) as string | undefined
  const path = [error.instancePath.slice(1).replaceAll('/', '.'), name?.slice(0, 100)].filter(Boolean).join('.')
  const isTop = !path.includes('.')
  if (unknown !== undefined) {
    const names = Object.keys(schema.properties ?? {})
    const meant = nearest(unknown, names)
    return {
      path,
      code: error.keyword,
      message: 'unknown field',
      ...listed(names),
      ...(meant === null ? {} : { nearest: meant }),
      example: correct(asked, meant !== null && isTop ? meant : '', undefined),
    }
  }
  const top = path.split('.')[0]
  // Of a wrong type or of a wrong value: what is wanted of a list of literals is one of them.
  const allowed = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  if (allowed !== undefined) {
    const meant = typeof error.data === 'string' ? nearest(error.data, allowed.map(String)) : null
    const value = meant === null ? undefined : allowed.find((one) => String(one) === meant)
    return {
      path,
      code: 'invalid_literal',
      message: `Expected one of ${allowed.slice(0, MAX_ALLOWED).join(', ')}`,
      ...listed(allowed),
      ...(meant === null ? {} : { nearest: meant }),
      example: correct(asked, top, isTop ? value : undefined),
    }
  }
  return { path, code: error.keyword, message: error.message ?? 'not valid', example: correct(asked, top, undefined) }
}
