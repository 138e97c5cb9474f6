// Validation of requests by the TypeBox schemas themselves. Bodies are taken as they are: nothing is stripped or coerced.
// Only query strings, which are text, become numbers, booleans and lists where the schema says so.
import type { FastifySchemaCompiler } from 'fastify'
import { Compile } from 'typebox/compile'
import type { TSchema } from 'typebox'
import { apiError, type FieldError } from '../errors.ts'

interface Problem { readonly keyword: string; readonly instancePath: string; readonly params: object; readonly message: string }
interface Shape { readonly properties?: Readonly<Record<string, { readonly type?: string }>> }
const MAX_FIELDS = 20

const coerceText = (text: string, type: string | undefined): unknown => {
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'array') return [text]
  return text
}
const coerceQuery = (query: Record<string, unknown>, shape: Shape): Record<string, unknown> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, typeof value === 'string' ? coerceText(value, shape.properties?.[name]?.type) : value]))

/** The stores take neither NUL nor half a surrogate pair. The path of the first string that has one. */
const findUnstorable = (value: unknown, path: string): string | null => {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path : null
  if (typeof value !== 'object' || value === null) return null
  for (const [key, one] of Object.entries(value)) {
    const found = findUnstorable(key, path) ?? findUnstorable(one, path === '' ? key : `${path}.${key}`)
    if (found !== null) return found
  }
  return null
}

const dotted = (pointer: string): string => pointer.slice(1).replaceAll('/', '.')
const join = (path: string, name: string): string => path === '' ? name : `${path}.${name}`

const toFields = (problem: Problem): FieldError[] => {
  const path = dotted(problem.instancePath)
  const params = problem.params as { requiredProperties?: string[]; additionalProperties?: string[]; allowedValues?: unknown[]; type?: string }
  if (problem.keyword === 'required') return (params.requiredProperties ?? []).map((name) => ({ path: join(path, name), code: 'required', message: 'Required' }))
  if (problem.keyword === 'additionalProperties') return (params.additionalProperties ?? []).map((name) => ({ path: join(path, name), code: 'unrecognized_key', message: 'Not a field of this operation' }))
  if (problem.keyword === 'enum') return [{ path, code: 'invalid_literal', message: `Expected one of ${(params.allowedValues ?? []).join(', ')}` }]
  // The other two say it again for the parts of a schema; what they are made of is told already.
  if (problem.keyword === 'boolean' || problem.keyword === 'anyOf') return []
  return [{ path, code: problem.keyword === 'type' ? 'invalid_type' : `invalid_${problem.keyword.toLowerCase()}`, message: problem.message }]
}

export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const part = httpPart === 'querystring' ? 'query' : httpPart
  return (input: unknown) => {
    const value = httpPart === 'querystring' ? coerceQuery(input as Record<string, unknown>, schema as Shape) : input
    const unstorable = findUnstorable(value, '')
    if (httpPart === 'params' && (unstorable !== null || !validator.Check(value))) return { error: apiError('NOT_FOUND', 'no such id') }
    if (unstorable !== null) return { error: apiError('VALIDATION_FAILED', `the ${part} holds a character that cannot be stored`, [{ path: unstorable, code: 'invalid_string', message: 'No NUL, no unpaired surrogate' }]) }
    if (validator.Check(value)) return { value }
    const fields = (validator.Errors(value) as Problem[]).flatMap(toFields).slice(0, MAX_FIELDS)
    const first = fields[0]
    const message = first === undefined ? `the ${part} is not valid` : `the ${part} is not valid: ${first.path === '' ? '' : `${first.path}: `}${first.message}`
    return { error: apiError('VALIDATION_FAILED', message, fields) }
  }
}
