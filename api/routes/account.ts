// Tokens and the audit trail of the caller's tenant.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { apiError } from '../errors.ts'
import { actorOf, principalOf } from '../plugins/authentication.ts'
import { linkNext } from '../plugins/next-link.ts'
import { tellUndo } from '../plugins/undo.ts'
import type { RouteDeps } from '../ports.ts'
import { AuditRow, errors, Id, Time, TokenSummary } from '../schemas/shapes.ts'
import { listAudit, type AuditPosition, type AuditRow as Row } from '../services/audit.ts'
import { mintedExpiry } from '../services/minting.ts'
import { createToken, listTokens, revokeToken } from '../services/tokens.ts'
import { hasScope } from '../../streams/contracts/principal.ts'
import { resolveRange } from '../time-range.ts'

const CSV_COLUMNS = [
  'id',
  'createdAt',
  'actorUserId',
  'actorPatId',
  'actorEmail',
  'agentId',
  'conversationId',
  'requestId',
  'action',
  'resource',
  'meta',
  'seq',
  'hash',
] as const
/** Quoted by RFC 4180; a cell that a spreadsheet would run as a formula gets an apostrophe. */
const cell = (value: unknown): string => {
  const text = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}
const toCsv = (rows: readonly Row[]): string =>
  [CSV_COLUMNS.join(','), ...rows.map((row) => CSV_COLUMNS.map((column) => cell(row[column])).join(','))].join('\r\n').concat('\r\n')

const Cap = Type.Optional(
  Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'per UTC day; absent or null = no cap',
  }),
)

export const accountRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/me/tokens',
    {
      schema: {
        operationId: 'listTokens',
        tags: ['account'],
        summary: 'Tokens of the tenant, without their plaintext',
        response: { 200: Type.Object({ tokens: Type.Array(TokenSummary) }), ...errors },
      },
    },
    async (request) => ({ tokens: await listTokens(deps.store, principalOf(request).tenant) }) as never,
  )
  app.post(
    '/api/v1/me/tokens',
    {
      schema: {
        operationId: 'createToken',
        tags: ['account'],
        summary: 'Makes a token; it is shown this once',
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 255 }),
            scopes: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { minItems: 1, maxItems: 60 })),
            expiresAt: Type.Optional(Type.String({ maxLength: 40 })),
            dailyMutationLimit: Cap,
            dailyLogBytesLimit: Cap,
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Intersect([TokenSummary, Type.Object({ token: Type.String() })]), ...errors },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const { scopes = ['*'] } = request.body
      // A token cannot make one that may do more than itself.
      const beyond = scopes.find(
        (scope) => !principal.scopes.includes('*') && !principal.scopes.includes(scope) && !hasScope(principal.scopes, scope),
      )
      if (beyond !== undefined)
        throw apiError('PAT_SCOPE_INSUFFICIENT', `the token that asks lacks the scope ${beyond}`, undefined, { required_scopes: [beyond] })
      const made = await createToken(
        deps.store,
        { tenant: principal.tenant, userId: principal.userId, ...request.body, expiresAt: mintedExpiry(principal, request.body.expiresAt) },
        actorOf(request),
      )
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: true, method: 'DELETE', path: `/api/v1/me/tokens/${made.id}` })
      return reply.code(201).send(made as never)
    },
  )
  app.delete(
    '/api/v1/me/tokens/:id',
    {
      schema: {
        operationId: 'revokeToken',
        tags: ['account'],
        summary: 'Revokes a token; it fails at once',
        params: Id,
        response: { 204: Type.Null(), ...errors },
      },
    },
    async (request, reply) => {
      await revokeToken(deps.store, principalOf(request).tenant, request.params.id, actorOf(request))
      await deps.onCredentialsChanged()
      tellUndo(request, { possible: false, reason: 'a revoked token stays revoked; POST /api/v1/me/tokens makes a new one' })
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/audit-logs',
    {
      schema: {
        operationId: 'listAuditLogs',
        tags: ['account'],
        summary: 'Who changed what, newest first; pat_id and actor_pat_id mean the same',
        querystring: Type.Object(
          {
            action: Type.Optional(Type.String({ maxLength: 100 })),
            actor: Type.Optional(Type.String({ maxLength: 255 })),
            pat_id: Type.Optional(Type.String({ maxLength: 64 })),
            actor_pat_id: Type.Optional(Type.String({ maxLength: 64 })),
            agent_id: Type.Optional(Type.String({ maxLength: 64 })),
            conversation_id: Type.Optional(Type.String({ maxLength: 64 })),
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            cursor: Type.Optional(Type.String({ maxLength: 2000 })),
            format: Type.Optional(Type.Enum(['json', 'csv'])),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Union([Type.Object({ auditLogs: Type.Array(AuditRow), nextCursor: Type.Optional(Type.String()) }), Type.String()]),
          ...errors,
        },
      },
      // Two media types: the schema documents, JSON.stringify writes.
      serializerCompiler: () => (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
    },
    async (request, reply) => {
      const {
        action,
        actor,
        pat_id: patId,
        actor_pat_id: actorPatId,
        agent_id: agentId,
        conversation_id: conversationId,
        from,
        to,
        limit = 200,
        cursor,
        format,
      } = request.query
      const { tenant } = principalOf(request)
      const asked = { action, actor, patId: patId ?? actorPatId, agentId, conversationId, from, to }
      const page = cursor === undefined ? null : deps.cursors.decode<AuditPosition>(cursor, tenant, asked)
      const resolved = from === undefined && to === undefined ? null : resolveRange(from, to, deps.clock(), 365 * 86_400_000)
      const range =
        page?.range ??
        (resolved === null ? undefined : ([new Date(resolved.fromMs).toISOString(), new Date(resolved.toMs).toISOString()] as const))
      const found = await listAudit(deps.store, tenant, { ...asked, limit: limit + 1, from: range?.[0], to: range?.[1], before: page?.key })
      const rows = found.slice(0, limit)
      const last = rows.at(-1)
      const nextCursor =
        found.length > limit && last !== undefined
          ? deps.cursors.encode<AuditPosition>({ createdAt: last.createdAt, id: last.id }, tenant, asked, range)
          : undefined
      if (format === 'csv') {
        if (nextCursor !== undefined) linkNext(request, reply, 'cursor', nextCursor)
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', 'attachment; filename="audit-logs.csv"')
          .send(toCsv(rows))
      }
      return { auditLogs: rows, ...(nextCursor === undefined ? {} : { nextCursor }) } as never
    },
  )
}
