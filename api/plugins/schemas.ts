// Schemas of routes, each compiled by the first request that needs it. The hundred routes have five hundred of them, which is half a second
// of work: no start waits for it. `compileNext` does it behind the start, one at a time, so that hardly a caller waits for it either.
import type { FastifySchemaCompiler, FastifySerializerCompiler, FastifyServerOptions } from 'fastify'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { Ajv, type ValidateFunction } from 'ajv'

export interface LazySchemas {
  /** Compiles one that nobody has needed yet; false when there is none left. @throws what is wrong with the schema. */
  compileNext(): boolean
}
export type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

const OPTIONS = { verbose: true, removeAdditional: false, useDefaults: false, allErrors: false, strict: false } as const

/** The compilers are Fastify's to use; as they are there from the beginning, it does not load its own. */
export const createLazySchemas = (): LazySchemas & { readonly compilers: Compilers } => {
  const waiting: (() => unknown)[] = []
  const lazily = <T>(compile: () => T): (() => T) => {
    let compiled: T | null = null
    const get = (): T => (compiled ??= compile())
    waiting.push(get)
    return get
  }
  /** Query strings and paths are text: numbers in them are read as such. Bodies are taken as they are. */
  const bodies = new Ajv({ ...OPTIONS, coerceTypes: false })
  const texts = new Ajv({ ...OPTIONS, coerceTypes: 'array' })
  const serializerOf = SerializerSelector()({}, {})
  const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
    const get = lazily(() => (httpPart === 'body' ? bodies : texts).compile(schema))
    const validate = ((value: unknown) => {
      const compiled = get()
      const isGood = compiled(value)
      validate.errors = compiled.errors
      return isGood
    }) as ValidateFunction
    return validate as never
  }
  const compileSerializer: FastifySerializerCompiler<object> = (route) => {
    const get = lazily(() => serializerOf(route as never) as (value: unknown) => string)
    return (value) => get()(value)
  }
  return {
    compilers: { buildValidator: () => compileValidator as never, buildSerializer: () => compileSerializer as never },
    compileNext: () => {
      waiting.shift()?.()
      return waiting.length > 0
    },
  }
}
