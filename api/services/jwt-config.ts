// What is configured of the one issuer of JWTs. Apart from the verifier: settings are read without loading what checks signatures.

/** Asymmetric ones only: a secret that both sides know, or none at all, proves nothing here. */
export const JWT_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

export interface JwtConfig {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
  readonly algorithms: readonly string[]
  /** Name of the claim that holds the tenant's id. */
  readonly tenantClaim: string
}
