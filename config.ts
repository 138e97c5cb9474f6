// The environment → one frozen Config. Everything is validated at once; wrong settings are reported together.
// The only reader of process.env.
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseAllowList, type AllowList } from './api/egress/address.ts'
import type { JwtConfig } from './api/services/jwt-config.ts'
import { readClickHouseCluster, type ClusterSettings } from './config/clickhouse-cluster.ts'
import { readJwt } from './config/jwt.ts'
import { readKafka } from './config/kafka.ts'
import { readSettings, type Env, type Listen } from './config/settings.ts'
import { PermanentError } from './streams/contracts/errors.ts'
import type { KafkaConfig } from './streams/kafka/config.ts'

export type { Listen }
/** What a process is for: everything, or one stage of several processes over Kafka, ClickHouse and PostgreSQL. */
export const ROLES = ['all', 'ingest', 'worker', 'api'] as const
export type Role = (typeof ROLES)[number]

export interface Config {
  readonly role: Role
  readonly dataDir: string
  readonly otlpListen: Listen
  readonly alertsListen: Listen
  readonly apiListen: Listen
  /** Health and metrics; null: the API has them. */
  readonly adminListen: Listen | null
  /** The event log; null: the embedded one. */
  readonly kafka: KafkaConfig | null
  /** Of the watchdog's work, by tenant. */
  readonly watchdogShards: number
  readonly requestsPerMinute: number
  readonly trustProxy: readonly string[]
  readonly clickhouseListen: Listen
  readonly clickhouseUrl: string | null
  readonly clickhouseUser: string
  readonly clickhousePassword: string
  /** PEM of the authority that signed the server's certificate; null: those that the runtime knows. */
  readonly clickhouseTlsCa: string | null
  readonly clickhouseDatabase: string
  /** A cluster that the server knows by this name; null: the server alone. */
  readonly clickhouseCluster: ClusterSettings | null
  readonly clickhouseMaxMemoryBytes: number
  readonly clickhouseBinary: string | null
  readonly databaseUrl: string | null
  readonly databaseTlsCa: string | null
  readonly readerPassword: string | null
  readonly bootstrapToken: string | null
  readonly secretKey: string | null
  readonly alertsOpen: boolean
  /** Where clients reach ingest, for addresses that the API gives out; null: where it listens. */
  readonly publicOtlpUrl: string | null
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
  /** Null: by the number of partitions. */
  readonly storeLingerMs: number | null
  readonly decodeThreads: number
  readonly watchdogZScoreThreshold: number
  readonly watchdogCooldownMs: number
  /** Null when no issuer is configured. */
  readonly jwt: JwtConfig | null
  readonly egressAllow: AllowList
  /** Where to tell of incidents; null: nowhere. */
  readonly notify: { readonly url: string; readonly secret: string } | null
  readonly mcpHosts: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

const MiB = 1024 * 1024

/** @throws PermanentError CONFIG_INVALID, its message one line for each wrong setting. */
export const loadConfig = (env: Env): Config => {
  const settings = readSettings(env)
  const { problems, text, wrong, number, bytes, choice, name, listen, tls, url, list, secret } = settings
  const bootstrapToken = secret('LAPWING_BOOTSTRAP_TOKEN', 20)
  if (bootstrapToken !== null && !/^obs_[A-Za-z0-9_-]{43}$/.test(bootstrapToken))
    problems.push('LAPWING_BOOTSTRAP_TOKEN: not obs_ and 43 base64url characters')
  const proxies = (): readonly string[] => {
    const proxies = list('LAPWING_TRUSTED_PROXIES')
    const unreadable = proxies.find((one) => {
      const [address, bits] = one.split('/')
      return isIP(address) === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= (isIP(address) === 4 ? 32 : 128)))
    })
    if (unreadable !== undefined) wrong('LAPWING_TRUSTED_PROXIES', unreadable, 'an address or a network such as 10.0.0.0/8')
    return proxies
  }
  const egressAllow = (): AllowList => {
    const allowed = parseAllowList(text('LAPWING_EGRESS_ALLOW') ?? '')
    if (typeof allowed !== 'string') return allowed
    wrong('LAPWING_EGRESS_ALLOW', allowed, 'host:port or a network such as 10.0.0.0/8')
    return { hosts: [], networks: [] }
  }

  const notify = (): Config['notify'] => {
    const target = url('LAPWING_NOTIFY_URL', ['https:', 'http:'])
    const key = secret('LAPWING_NOTIFY_SECRET', 16)
    if (target !== null && key === null)
      problems.push(
        'LAPWING_NOTIFY_SECRET: must be set beside LAPWING_NOTIFY_URL, itself or as LAPWING_NOTIFY_SECRET_FILE: what is sent is signed with it',
      )
    return target === null ? null : { url: target, secret: key ?? '' }
  }

  const role = choice('LAPWING_ROLE', ROLES, 'all')
  const config: Config = {
    role,
    dataDir: resolve(text('LAPWING_DATA_DIR') ?? 'data'),
    otlpListen: { ...listen('LAPWING_OTLP_LISTEN', '127.0.0.1:4318'), tls: tls('LAPWING_OTLP') },
    alertsListen: { ...listen('LAPWING_ALERTS_LISTEN', '127.0.0.1:9093'), tls: tls('LAPWING_ALERTS') },
    apiListen: { ...listen('LAPWING_API_LISTEN', '127.0.0.1:8080'), tls: tls('LAPWING_API') },
    adminListen:
      text('LAPWING_ADMIN_LISTEN') === null && role === 'all'
        ? null
        : { ...listen('LAPWING_ADMIN_LISTEN', '127.0.0.1:9464'), tls: tls('LAPWING_ADMIN') },
    kafka: readKafka(settings),
    watchdogShards: Math.floor(
      number('LAPWING_WATCHDOG_SHARDS', text('DATABASE_URL') === null && text('DATABASE_URL_FILE') === null ? 1 : 8, 1, 100),
    ),
    requestsPerMinute: Math.floor(number('LAPWING_REQUESTS_PER_MINUTE', 60_000, 1, 1_000_000_000)),
    trustProxy: proxies(),
    clickhouseListen: listen('LAPWING_CLICKHOUSE_LISTEN', '127.0.0.1:8123'),
    clickhouseUrl: url('CLICKHOUSE_URL', ['http:', 'https:']),
    clickhouseUser: text('CLICKHOUSE_USER') ?? 'default',
    clickhousePassword: secret('CLICKHOUSE_PASSWORD', 0) ?? '',
    clickhouseTlsCa: secret('CLICKHOUSE_TLS_CA', 0),
    clickhouseDatabase: name('CLICKHOUSE_DATABASE', 'lapwing'),
    clickhouseCluster: readClickHouseCluster(settings),
    clickhouseMaxMemoryBytes: bytes('LAPWING_CLICKHOUSE_MAX_MEMORY_BYTES', 2048 * MiB, 512 * MiB),
    clickhouseBinary: text('LAPWING_CLICKHOUSE_BINARY'),
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:']),
    databaseTlsCa: secret('DATABASE_TLS_CA', 0),
    readerPassword: secret('LAPWING_READER_PASSWORD', 8),
    bootstrapToken,
    secretKey: secret('LAPWING_SECRET_KEY', 32),
    publicOtlpUrl: url('LAPWING_PUBLIC_OTLP_URL', ['http:', 'https:']),
    alertsOpen: choice('LAPWING_ALERTS_AUTH', ['token', 'open'] as const, 'token') === 'open',
    logSync: choice('LAPWING_LOG_SYNC', ['fsync', 'os'] as const, 'fsync'),
    logMaxBytes: bytes('LAPWING_LOG_MAX_BYTES', 8192 * MiB, MiB),
    logMaxAgeMs: number('LAPWING_LOG_MAX_AGE_HOURS', 24, 0, 24 * 365) * 3_600_000,
    logPartitions: Math.floor(number('LAPWING_LOG_PARTITIONS', 2, 1, 64)),
    maxBodyBytes: bytes('LAPWING_MAX_BODY_BYTES', 20 * MiB),
    maxInflatedBytes: bytes('LAPWING_MAX_INFLATED_BYTES', 64 * MiB),
    maxInflightBytes: bytes('LAPWING_MAX_INFLIGHT_BYTES', 84 * MiB),
    maxSockets: Math.floor(number('LAPWING_MAX_SOCKETS', 10_000, 1, 1_000_000)),
    storeMaxBytes: text('LAPWING_STORE_MAX_BYTES') === null ? null : bytes('LAPWING_STORE_MAX_BYTES', 0, MiB),
    storeMinFreeBytes: bytes('LAPWING_STORE_MIN_FREE_BYTES', 1024 * MiB, 0),
    retentionMs: number('LAPWING_RETENTION_DAYS', 30, 1, 3650) * 86_400_000,
    storeLingerMs: text('LAPWING_STORE_LINGER_MS') === null ? null : number('LAPWING_STORE_LINGER_MS', 1000, 20, 10_000),
    decodeThreads: Math.floor(number('LAPWING_DECODE_THREADS', 1, 1, 64)),
    watchdogZScoreThreshold: number('WATCHDOG_Z_SCORE_THRESHOLD', 3, 0.5, 100),
    watchdogCooldownMs: number('WATCHDOG_COOLDOWN_SECONDS', 300, 0, 86_400) * 1000,
    jwt: readJwt(settings),
    egressAllow: egressAllow(),
    notify: notify(),
    mcpHosts: list('LAPWING_MCP_HOSTS'),
    logLevel: choice('LAPWING_LOG_LEVEL', ['debug', 'info', 'warn', 'error', 'silent'] as const, 'info'),
  }
  if (config.clickhouseTlsCa !== null && !(config.clickhouseUrl?.startsWith('https:') ?? false))
    problems.push('CLICKHOUSE_TLS_CA: CLICKHOUSE_URL must be https beside it')
  if (config.databaseTlsCa !== null && config.databaseUrl === null) problems.push('DATABASE_TLS_CA: DATABASE_URL must be set beside it')
  if (config.maxInflightBytes < config.maxBodyBytes + config.maxInflatedBytes)
    problems.push(
      `LAPWING_MAX_INFLIGHT_BYTES: must be at least LAPWING_MAX_BODY_BYTES and LAPWING_MAX_INFLATED_BYTES together, ${config.maxBodyBytes + config.maxInflatedBytes}, or the largest body would never be taken`,
    )
  // Only role `all` has embedded parts; several processes share what they work on.
  if (role !== 'all') {
    const { kafka, clickhouseUrl, databaseUrl, secretKey } = config
    const wanted = {
      KAFKA_BROKERS: kafka,
      CLICKHOUSE_URL: clickhouseUrl,
      DATABASE_URL: databaseUrl,
      ...(role === 'api' ? { LAPWING_SECRET_KEY: secretKey } : {}),
    }
    for (const [setting, value] of Object.entries(wanted))
      if (value === null && !problems.some((problem) => problem.startsWith(`${setting}:`) || problem.startsWith(`${setting}_FILE:`)))
        problems.push(`${setting}: must be set for LAPWING_ROLE=${role}`)
  }
  if (problems.length > 0) throw new PermanentError('CONFIG_INVALID', problems.join('\n'))
  return Object.freeze(config)
}
