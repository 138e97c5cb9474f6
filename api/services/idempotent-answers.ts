// Answers that were given under an Idempotency-Key, for 24 hours. An answer may hold a secret that is shown once, so each is sealed
// under a key that is made of the server's key and of the Idempotency-Key, which itself is kept as a hash only.
import { createHash, createHmac } from 'node:crypto'
import type { Sql } from '../store/store.ts'
import { createSealer } from './ids.ts'

/** A call under a key: `owner` is the token, or the user of a session. */
export interface KeyedCall {
  readonly tenant: string
  readonly owner: string
  readonly key: string
  readonly fingerprint: string
}
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface IdempotentAnswers {
  /** 'conflict' when the key was used for another call. */
  find(sql: Sql, call: KeyedCall): Promise<Answer | 'none' | 'conflict'>
  /** The first answer under a key is the one that stays. */
  save(sql: Sql, call: KeyedCall, answer: Answer): Promise<void>
  /** Unique to token and key; tells neither. */
  nameOf(call: KeyedCall): string
  /** Deletes what has expired. */
  sweep(sql: Sql): Promise<void>
}

const LIFETIME_MS = 86_400_000

export const fingerprintOf = (
  method: string,
  route: string,
  params: unknown,
  query: Readonly<Record<string, unknown>>,
  rawBody: string,
): string => {
  const sorted = Object.entries(query)
    .flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]))
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([method, route, params, sorted, rawBody]))
    .digest('hex')
}

export const createIdempotentAnswers = (secretKey: string, clock: () => number): IdempotentAnswers => {
  const hashOf = ({ owner, key }: KeyedCall): string =>
    createHmac('sha256', secretKey)
      .update(JSON.stringify(['idempotency', owner, key]))
      .digest('hex')
  const sealerOf = ({ owner, key }: KeyedCall) => createSealer(JSON.stringify([secretKey, 'idempotency', owner, key]))
  const placeOf = (call: KeyedCall): string => `${call.tenant}/${call.owner}/${call.fingerprint}`
  const now = (): string => new Date(clock()).toISOString()
  const oldest = (): string => new Date(clock() - LIFETIME_MS).toISOString()
  return {
    nameOf: (call) => `${call.tenant}/${hashOf(call)}`,
    find: async (sql, call) => {
      const [row] = await sql.query<{ fingerprint: string; status: number; sealed: string }>(
        'SELECT fingerprint, status, sealed FROM idempotency_answers WHERE tenant = $1 AND owner = $2 AND key_hash = $3 AND created_at > $4',
        [call.tenant, call.owner, hashOf(call), oldest()],
      )
      if (row === undefined) return 'none'
      if (row.fingerprint !== call.fingerprint) return 'conflict'
      return { status: row.status, ...(JSON.parse(sealerOf(call).open(row.sealed, placeOf(call))) as Omit<Answer, 'status'>) }
    },
    save: async (sql, call, { status, headers, body }) => {
      await sql.query(
        `INSERT INTO idempotency_answers (tenant, owner, key_hash, fingerprint, status, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant, owner, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status, sealed = excluded.sealed, created_at = excluded.created_at
         WHERE idempotency_answers.created_at <= $8`,
        [
          call.tenant,
          call.owner,
          hashOf(call),
          call.fingerprint,
          status,
          sealerOf(call).seal(JSON.stringify({ headers, body }), placeOf(call)),
          now(),
          oldest(),
        ],
      )
    },
    sweep: async (sql) => {
      await sql.query('DELETE FROM idempotency_answers WHERE created_at <= $1', [oldest()])
    },
  }
}
