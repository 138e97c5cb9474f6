// Whose JWTs are taken.
import { JWT_ALGORITHMS, type JwtConfig } from '../api/services/jwt-config.ts'
import type { Settings } from './settings.ts'

/** Null when no issuer is configured. */
export const readJwt = ({ problems, text, url, wrong }: Settings): JwtConfig | null => {
  const issuer = url('LAPWING_JWT_ISSUER', ['https:', 'http:'])
  const audience = text('LAPWING_JWT_AUDIENCE')
  const jwksUrl = url('LAPWING_JWT_JWKS_URL', ['https:', 'http:'])
  const algorithms = (text('LAPWING_JWT_ALGORITHMS') ?? 'RS256,ES256,EdDSA').split(',').map((one) => one.trim())
  for (const one of algorithms)
    if (!(JWT_ALGORITHMS as readonly string[]).includes(one)) wrong('LAPWING_JWT_ALGORITHMS', one, `one of ${JWT_ALGORITHMS.join(', ')}`)
  if (issuer === null) {
    if (text('LAPWING_JWT_ISSUER') === null && (audience ?? jwksUrl) !== null)
      problems.push('LAPWING_JWT_ISSUER: must be set beside LAPWING_JWT_AUDIENCE and LAPWING_JWT_JWKS_URL')
    return null
  }
  if (audience === null) problems.push('LAPWING_JWT_AUDIENCE: must be set beside LAPWING_JWT_ISSUER')
  return {
    issuer,
    audience: audience ?? '',
    jwksUrl: jwksUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
    algorithms,
    tenantClaim: text('LAPWING_JWT_TENANT_CLAIM') ?? 'tenant',
  }
}
