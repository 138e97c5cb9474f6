// The environment → one frozen Config. Everything is validated at once; wrong settings are reported together.
// The only reader of process.env.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseAllowList, type AllowList } from './api/egress/address.ts'
import { JWT_ALGORITHMS, type JwtConfig } from './api/services/jwt.ts'
import { PermanentError } from './streams/contracts/errors.ts'

export interface Listen { readonly host: string; readonly port: number }

export interface Config {
  readonly role: 'all'
  readonly dataDir: string
  readonly otlpListen: Listen
  readonly alertsListen: Listen
  readonly apiListen: Listen
  readonly requestsPerMinute: number
  readonly trustProxy: readonly string[]
  readonly clickhouseListen: Listen
  readonly clickhouseUrl: string | null
  readonly clickhouseUser: string
  readonly clickhousePassword: string
  readonly clickhouseDatabase: string
  readonly clickhouseMaxMemoryBytes: number
  readonly clickhouseBinary: string | null
  readonly databaseUrl: string | null
  readonly readerPassword: string | null
  readonly bootstrapToken: string | null
  readonly secretKey: string | null
  readonly alertsOpen: boolean
  readonly logSync: 'fsync' | 'os'
  readonly logMaxBytes: number
  readonly logMaxAgeMs: number
  readonly logPartitions: number
  readonly maxBodyBytes: number
  readonly maxInflatedBytes: number
  readonly maxInflightBytes: number
  readonly maxSockets: number
  readonly storeMaxBytes: number | null
  readonly storeMinFreeBytes: number
  readonly retentionMs: number
  readonly decodeThreads: number
  readonly watchdogZScoreThreshold: number
  readonly watchdogCooldownMs: number
  /** Null when no issuer is configured. */
  readonly jwt: JwtConfig | null
  readonly egressAllow: AllowList
  readonly mcpHosts: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

type Env = Readonly<Record<string, string | undefined>>
const MiB = 1024 * 1024

/** @throws PermanentError CONFIG_INVALID, its message one line for each wrong setting. */
export const loadConfig = (env: Env): Config => {
  const problems: string[] = []
  const text = (name: string): string | null => env[name]?.trim() || null
  const wrong = (name: string, value: string, expected: string): void => {
    problems.push(`${name}: ${JSON.stringify(value)} is not ${expected}`)
  }
  const number = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name)
    if (value === null) return fallback
    const parsed = Number(value)
    if (Number.isFinite(parsed) && parsed >= min && parsed <= max) return parsed
    wrong(name, value, `a number from ${min} to ${max}`)
    return fallback
  }
  const bytes = (name: string, fallback: number, min = 1024): number => Math.floor(number(name, fallback, min, Number.MAX_SAFE_INTEGER))
  const choice = <T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const value = text(name)
    if (value === null) return fallback
    if ((values as readonly string[]).includes(value)) return value as T
    wrong(name, value, `one of ${values.join(', ')}`)
    return fallback
  }
  const name = (setting: string, fallback: string): string => {
    const value = text(setting) ?? fallback
    if (/^[A-Za-z_]\w{0,63}$/.test(value)) return value
    wrong(setting, value, 'a name of letters, digits and underscores')
    return fallback
  }
  const listen = (name: string, fallback: string): Listen => {
    const value = text(name) ?? fallback
    const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(value)
    const port = match ? Number(match[2]) : -1
    if (port >= 0 && port <= 65535) return { host: (match?.[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port }
    wrong(name, value, 'host:port')
    return { host: '127.0.0.1', port: 0 }
  }
  const url = (name: string, protocols: readonly string[]): string | null => {
    const value = text(name)
    if (value === null) return null
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value
    wrong(name, value, `a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
    return null
  }
  const secret = (name: string, minLength: number): string | null => {
    const file = text(`${name}_FILE`)
    let value = text(name)
    if (value === null && file !== null) {
      try { value = readFileSync(file, 'utf8').trim() } catch { wrong(`${name}_FILE`, file, 'a readable file') }
    }
    if (value !== null && value.length < minLength) problems.push(`${name}: shorter than ${minLength} characters`)
    return value
  }
  const bootstrapToken = secret('LAPWING_BOOTSTRAP_TOKEN', 20)
  if (bootstrapToken !== null && !/^obs_[A-Za-z0-9_-]{43}$/.test(bootstrapToken)) problems.push('LAPWING_BOOTSTRAP_TOKEN: not obs_ and 43 base64url characters')
  if (text('KAFKA_BROKERS') !== null) problems.push('KAFKA_BROKERS: the Kafka event log is not built yet; unset it to use the embedded one')

  const jwtConfig = (): JwtConfig | null => {
    const issuer = url('LAPWING_JWT_ISSUER', ['https:', 'http:'])
    const audience = text('LAPWING_JWT_AUDIENCE')
    const jwksUrl = url('LAPWING_JWT_JWKS_URL', ['https:', 'http:'])
    const algorithms = (text('LAPWING_JWT_ALGORITHMS') ?? 'RS256,ES256,EdDSA').split(',').map((one) => one.trim())
    for (const one of algorithms) if (!(JWT_ALGORITHMS as readonly string[]).includes(one)) wrong('LAPWING_JWT_ALGORITHMS', one, `one of ${JWT_ALGORITHMS.join(', ')}`)
    if (issuer === null) {
      if (text('LAPWING_JWT_ISSUER') === null && (audience ?? jwksUrl) !== null) problems.push('LAPWING_JWT_ISSUER: must be set beside LAPWING_JWT_AUDIENCE and LAPWING_JWT_JWKS_URL')
      return null
    }
    if (audience === null) problems.push('LAPWING_JWT_AUDIENCE: must be set beside LAPWING_JWT_ISSUER')
    return {
      issuer, audience: audience ?? '', jwksUrl: jwksUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`, algorithms, tenantClaim: text('LAPWING_JWT_TENANT_CLAIM') ?? 'tenant',
    }
  }
  const proxies = (): readonly string[] => {
    const list = (text('LAPWING_TRUST_PROXY') ?? '').split(',').map((one) => one.trim()).filter((one) => one !== '')
    const unreadable = list.find((one) => {
      const [address, bits] = one.split('/')
      return isIP(address) === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= (isIP(address) === 4 ? 32 : 128)))
    })
    if (unreadable !== undefined) wrong('LAPWING_TRUST_PROXY', unreadable, 'an address or a network such as 10.0.0.0/8')
    return list
  }
  const egressAllow = (): AllowList => {
    const list = parseAllowList(text('LAPWING_EGRESS_ALLOW') ?? '')
    if (typeof list !== 'string') return list
    wrong('LAPWING_EGRESS_ALLOW', list, 'host:port or a network such as 10.0.0.0/8')
    return { hosts: [], networks: [] }
  }

  const config: Config = {
    role: choice('LAPWING_ROLE', ['all'] as const, 'all'),
    dataDir: resolve(text('LAPWING_DATA_DIR') ?? 'data'),
    otlpListen: listen('LAPWING_OTLP_LISTEN', '127.0.0.1:4318'),
    alertsListen: listen('LAPWING_ALERTS_LISTEN', '127.0.0.1:9093'),
    apiListen: listen('LAPWING_API_LISTEN', '127.0.0.1:8080'),
    requestsPerMinute: Math.floor(number('LAPWING_REQUESTS_PER_MINUTE', 60_000, 1, 1_000_000_000)),
    trustProxy: proxies(),
    clickhouseListen: listen('LAPWING_CLICKHOUSE_LISTEN', '127.0.0.1:8123'),
    clickhouseUrl: url('CLICKHOUSE_URL', ['http:', 'https:']),
    clickhouseUser: text('CLICKHOUSE_USER') ?? 'default',
    clickhousePassword: secret('CLICKHOUSE_PASSWORD', 0) ?? '',
    clickhouseDatabase: name('CLICKHOUSE_DATABASE', 'lapwing'),
    clickhouseMaxMemoryBytes: bytes('LAPWING_CLICKHOUSE_MAX_MEMORY_BYTES', 2048 * MiB, 512 * MiB),
    clickhouseBinary: text('LAPWING_CLICKHOUSE_BINARY'),
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:']),
    readerPassword: secret('LAPWING_READER_PASSWORD', 8),
    bootstrapToken,
    secretKey: secret('LAPWING_SECRET_KEY', 32),
    alertsOpen: choice('LAPWING_ALERTS_AUTH', ['token', 'open'] as const, 'token') === 'open',
    logSync: choice('LAPWING_LOG_SYNC', ['fsync', 'os'] as const, 'fsync'),
    logMaxBytes: bytes('LAPWING_LOG_MAX_BYTES', 8192 * MiB, MiB),
    logMaxAgeMs: number('LAPWING_LOG_MAX_AGE_HOURS', 24, 0, 24 * 365) * 3_600_000,
    logPartitions: Math.floor(number('LAPWING_LOG_PARTITIONS', 2, 1, 64)),
    maxBodyBytes: bytes('LAPWING_MAX_BODY_BYTES', 20 * MiB),
    maxInflatedBytes: bytes('LAPWING_MAX_INFLATED_BYTES', 64 * MiB),
    maxInflightBytes: bytes('LAPWING_MAX_INFLIGHT_BYTES', 256 * MiB),
    maxSockets: Math.floor(number('LAPWING_MAX_SOCKETS', 10_000, 1, 1_000_000)),
    storeMaxBytes: text('LAPWING_STORE_MAX_BYTES') === null ? null : bytes('LAPWING_STORE_MAX_BYTES', 0, MiB),
    storeMinFreeBytes: bytes('LAPWING_STORE_MIN_FREE_BYTES', 1024 * MiB, 0),
    retentionMs: number('LAPWING_RETENTION_DAYS', 30, 1, 3650) * 86_400_000,
    decodeThreads: Math.floor(number('LAPWING_DECODE_THREADS', 1, 1, 64)),
    watchdogZScoreThreshold: number('WATCHDOG_Z_SCORE_THRESHOLD', 3, 0.5, 100),
    watchdogCooldownMs: number('WATCHDOG_COOLDOWN_SECONDS', 300, 0, 86_400) * 1000,
    jwt: jwtConfig(),
    egressAllow: egressAllow(),
    mcpHosts: (text('LAPWING_MCP_HOSTS') ?? '').split(',').map((name) => name.trim()).filter((name) => name !== ''),
    logLevel: choice('LAPWING_LOG_LEVEL', ['debug', 'info', 'warn', 'error', 'silent'] as const, 'info'),
  }
  if (problems.length > 0) throw new PermanentError('CONFIG_INVALID', problems.join('\n'))
  return Object.freeze(config)
}
