// dry_run=true on a change: what it would answer and what it would change, with nothing written.
import type { FastifyRequest, FastifySchema } from 'fastify'
import { Type } from 'typebox'
import type { ToldChange } from '../services/audit.ts'
import type { Answer } from '../services/idempotent-answers.ts'

const DryRun = Type.Optional(
  Type.Boolean({
    description: 'true: checks and works out everything, changes nothing, spends no cap; the answer has dryRun and changes',
    examples: [true],
  }),
)
/** Of things that were made and taken back: they open nothing. */
const SECRETS = ['token', 'api_key', 'secret', 'heartbeatToken']

export const takesDryRun = (request: FastifyRequest): boolean => String((request.query as { dry_run?: unknown }).dry_run) === 'true'

const UndoSchema = {
  type: 'object',
  required: ['possible'],
  additionalProperties: false,
  description: 'the call that undoes this one, or why there is none',
  examples: [{ possible: true, method: 'DELETE', path: '/api/v1/monitors/mon_7f3d2a9c01be' }],
  properties: {
    possible: { type: 'boolean' },
    method: { type: 'string' },
    path: { type: 'string' },
    body: { type: 'object', additionalProperties: true },
    reason: { type: 'string' },
  },
}
/** Answers of a change say how it is undone. */
const withUndoSchema = (response: unknown): object =>
  Object.fromEntries(
    Object.entries((response ?? {}) as Record<string, { type?: string; properties?: object }>).map(([status, schema]) => [
      status,
      status.startsWith('2') && schema.type === 'object' && schema.properties !== undefined
        ? { ...schema, properties: { ...schema.properties, undo: UndoSchema } }
        : schema,
    ]),
  )

/** Unknown query parameters are refused: a misspelt dry_run must not be the real thing. */
export const withDryRun = (schema: FastifySchema | undefined): FastifySchema => {
  const { properties, required } = (schema?.querystring ?? {}) as { properties?: object; required?: string[] }
  return {
    ...schema,
    response: withUndoSchema(schema?.response),
    querystring: {
      type: 'object',
      properties: { ...properties, dry_run: DryRun },
      ...(required === undefined ? {} : { required }),
      additionalProperties: false,
    },
  }
}

export const dryRunAnswer = (answer: Answer, changes: readonly ToldChange[]): Answer => {
  const result = answer.body.startsWith('{') ? (JSON.parse(answer.body) as Record<string, unknown>) : {}
  for (const name of SECRETS) delete result[name]
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ ...result, dryRun: true, changes }),
  }
}
