// Whether the audit trail is as it was written.
import { Type } from 'typebox'
import type { App } from '../app.ts'
import { principalOf } from '../plugins/authentication.ts'
import type { RouteDeps } from '../ports.ts'
import { errors } from '../schemas/shapes.ts'
import { verifyAudit } from '../services/audit-verification.ts'

const MAX_ROWS = 10_000

const Verified = Type.Object({
  valid: Type.Boolean({ description: 'false when a row is not as it was written', examples: [true] }),
  checked: Type.Integer({ description: 'rows that were looked at', examples: [42] }),
  head: Type.Object(
    {
      seq: Type.Integer({ description: 'number of the newest row', examples: [42] }),
      hash: Type.String({ description: 'its SHA-256', examples: ['9f86d081884c7d65'] }),
    },
    { description: 'the newest link: kept elsewhere, it proves that the chain was not written anew' },
  ),
  firstBroken: Type.Optional(
    Type.Object(
      {
        id: Type.Union([Type.Integer(), Type.Null()], { description: 'id of the row; null when it is gone', examples: [4711] }),
        seq: Type.Union([Type.Integer(), Type.Null()], { description: 'its number in the chain', examples: [17] }),
        fault: Type.Enum(['changed', 'missing_before', 'missing_at_end', 'not_of_the_chain'], {
          description: 'what is wrong',
          examples: ['changed'],
        }),
      },
      { description: 'the first row that is not as it was written' },
    ),
  ),
  next: Type.Optional(Type.Integer({ description: 'there is more: call again with after', examples: [10_000] })),
})

export const auditVerificationRoutes = (app: App, deps: RouteDeps): void => {
  app.get(
    '/api/v1/audit-logs/verify',
    {
      schema: {
        operationId: 'verifyAuditLogs',
        tags: ['account'],
        summary: 'Walks the hash chain of the audit trail and names the first row that is not as it was written',
        querystring: Type.Object(
          {
            after: Type.Optional(
              Type.Integer({
                minimum: 0,
                maximum: Number.MAX_SAFE_INTEGER,
                description: 'go on after this row; 0 = from the first',
                examples: [0],
              }),
            ),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_ROWS, description: 'rows at most', examples: [MAX_ROWS] })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Verified, ...errors },
      },
    },
    async (request) =>
      (await verifyAudit(deps.store, principalOf(request).tenant, request.query.after ?? 0, request.query.limit ?? MAX_ROWS)) as never,
  )
}
