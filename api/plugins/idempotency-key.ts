// The header Idempotency-Key: any printable text of at most 255 characters, bare or in quotes as the IETF draft has it.
import { apiError } from '../errors.ts'

const MAX_LENGTH = 255

/** Null when there is none. @throws ApiError IDEMPOTENCY_KEY_TOO_LONG, VALIDATION_FAILED. */
export const readIdempotencyKey = (header: string | string[] | undefined): string | null => {
  if (header === undefined) return null
  const text = String(header).trim()
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text
  if (key.length > MAX_LENGTH)
    throw apiError('IDEMPOTENCY_KEY_TOO_LONG', `the Idempotency-Key has ${key.length} characters, at most ${MAX_LENGTH} are taken`)
  if (!/^[\x20-\x7e]+$/.test(key))
    throw apiError('VALIDATION_FAILED', 'the Idempotency-Key is empty or not printable ASCII', [
      { path: 'Idempotency-Key', code: 'pattern', message: '1 to 255 printable ASCII characters; a UUID' },
    ])
  return key
}
