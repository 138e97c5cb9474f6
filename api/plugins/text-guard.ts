// NUL and lone surrogates have no place in any store's text: refused once, here, for path, query and body alike.
import type { FastifyInstance } from 'fastify'
import { apiError } from '../errors.ts'

const isStorable = (value: unknown): boolean => {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner))
}

export const guardText = (app: FastifyInstance): void => {
  app.addHook('preValidation', async (request) => {
    for (const [path, part] of [
      ['params', request.params],
      ['query', request.query],
      ['body', request.body],
    ] as const) {
      if (!isStorable(part))
        throw apiError('VALIDATION_FAILED', `${path} holds a NUL or half a surrogate pair`, [
          { path, code: 'text', message: 'well-formed Unicode without U+0000' },
        ])
    }
  })
}
