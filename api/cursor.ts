// Opaque signed cursors: keyset position, bound to tenant, filter and the resolved time range, for an hour.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { apiError } from './errors.ts'

interface Content<K> {
  readonly k: K
  readonly f: string
  readonly e: number
  readonly r?: readonly [string, string]
}
export interface Cursors {
  /** `range` is frozen in the cursor, so that now-1h does not slide between pages. */
  encode<K>(key: K, tenant: string, filter: unknown, range?: readonly [string, string]): string
  /** @throws ApiError CURSOR_MISMATCH or CURSOR_EXPIRED. */
  decode<K>(cursor: string, tenant: string, filter: unknown): { key: K; range: readonly [string, string] | null }
}

const LIFETIME_MS = 3_600_000
const fingerprint = (tenant: string, filter: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant, filter]))
    .digest('base64url')
    .slice(0, 22)

export const createCursors = (secretKey: string, clock: () => number): Cursors => {
  const sign = (text: string): Buffer => createHmac('sha256', secretKey).update('cursor\0').update(text).digest().subarray(0, 16)
  return {
    encode: (key, tenant, filter, range) => {
      const text = Buffer.from(JSON.stringify({ k: key, f: fingerprint(tenant, filter), e: clock() + LIFETIME_MS, r: range })).toString(
        'base64url',
      )
      return `${text}.${sign(text).toString('base64url')}`
    },
    decode: <K>(cursor: string, tenant: string, filter: unknown) => {
      const [text, signature] = cursor.split('.')
      const given = Buffer.from(signature ?? '', 'base64url')
      const expected = sign(text)
      if (given.length !== expected.length || !timingSafeEqual(given, expected))
        throw apiError('CURSOR_MISMATCH', 'the cursor is not one of this query')
      const content = JSON.parse(Buffer.from(text, 'base64url').toString()) as Content<K>
      if (content.f !== fingerprint(tenant, filter)) throw apiError('CURSOR_MISMATCH', 'the cursor belongs to another query')
      if (content.e < clock()) throw apiError('CURSOR_EXPIRED', 'the cursor has expired')
      return { key: content.k, range: content.r ?? null }
    },
  }
}
