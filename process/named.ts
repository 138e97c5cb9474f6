// What is wrong at the start, with the setting that it is about.
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'

/** What Node's TLS says when it does not know who signed a certificate. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])
const AUTHORITY_OF: Readonly<Record<string, string>> = {
  DATABASE_URL: 'DATABASE_TLS_CA',
  CLICKHOUSE_URL: 'CLICKHOUSE_TLS_CA',
  KAFKA_BROKERS: 'KAFKA_TLS_CA',
}
const isUnknownAuthority = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const { code, cause, errors } = error as Error & { code?: string; errors?: readonly unknown[] }
  return UNKNOWN_AUTHORITY.has(code ?? '') || isUnknownAuthority(cause) || (errors ?? []).some(isUnknownAuthority)
}
const adviceOf = (setting: string, error: unknown): string =>
  isUnknownAuthority(error)
    ? `; nobody here knows who signed its certificate: give the authority's as ${AUTHORITY_OF[setting]} or ${AUTHORITY_OF[setting]}_FILE`
    : ''

/** With the setting's name before what is wrong; an embedded part has none. */
export const named = async <T>(setting: string | null, opening: Promise<T>): Promise<T> => {
  try {
    return await opening
  } catch (error) {
    if (setting === null || !(error instanceof TransientError || error instanceof PermanentError)) throw error
    throw new PermanentError(
      'CONFIG_INVALID',
      `${error.message.startsWith(`${setting}:`) ? '' : `${setting}: `}${error.message}${adviceOf(setting, error)}`,
      { cause: error },
    )
  }
}
