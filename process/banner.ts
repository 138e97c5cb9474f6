// What a newcomer needs, printed once the product is ready.

export interface Addresses {
  readonly otlp: string
  readonly alerts: string
  readonly api: string
  readonly clickhouse: string
}

const TOKEN_HINT = 'the token is shown this once; `npm run -s token -- create` makes another'

/** A process of one role tells its supervisor where it is, and no more. */
const roleBanner = ({ role, admin, version, addresses, token, readyMs }: BannerInput): string =>
  [
    `Lapwing ${version}, ${role}, is ready (${(readyMs / 1000).toFixed(1)} s)`,
    ...Object.entries({
      'OTLP logs and traces, JSON logs, heartbeats': addresses.otlp,
      'Alertmanager webhook': addresses.alerts,
      API: addresses.api,
    })
      .filter(([, address]) => address !== '')
      .map(([what, address]) => `  ${what}   ${address}`),
    ...(admin === null ? [] : [`  health and metrics   http://${admin.host}:${admin.port}`]),
    ...(token === null ? [] : [`  token: ${token}   (${TOKEN_HINT})`]),
    '',
  ].join('\n')

export interface BannerInput {
  readonly role: string
  readonly admin: { readonly host: string; readonly port: number } | null
  readonly version: string
  readonly addresses: Addresses
  readonly token: string | null
  readonly dataDir: string
  readonly readyMs: number
}

export const banner = (input: BannerInput): string => {
  if (input.role !== 'all') return roleBanner(input)
  const { addresses, token } = input
  const shown = token ?? '$LAPWING_TOKEN'
  return [
    `Lapwing ${input.version} is ready (${(input.readyMs / 1000).toFixed(1)} s), data in ${input.dataDir}`,
    '',
    `  OTLP logs and traces, JSON logs, heartbeats   ${addresses.otlp}`,
    `  Alertmanager webhook                          ${addresses.alerts}/api/v1/alerts/webhook`,
    `  API                                           ${addresses.api}   (${addresses.api}/docs)`,
    `  ClickHouse, read only                         ${addresses.clickhouse}   (user reader; npm run -s reader-password)`,
    '',
    token === null
      ? '  token: made at the first start; `npm run -s token -- create` makes another'
      : `  token: ${token}\n  (${TOKEN_HINT})`,
    '',
    '  Point an OpenTelemetry SDK here:',
    `    export OTEL_EXPORTER_OTLP_ENDPOINT=${addresses.otlp}`,
    `    export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20${shown}"`,
    '    export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    '    export OTEL_METRICS_EXPORTER=none',
    '',
    '  Try it:',
    `    curl -X POST ${addresses.otlp}/api/v1/logs/ingest -H "Authorization: Bearer ${shown}" -H 'Content-Type: application/json' -d '{"service":"hello","level":"info","message":"first log"}'`,
    `    curl -H "Authorization: Bearer ${shown}" "${addresses.api}/api/v1/logs/search?service=hello"`,
    '',
  ].join('\n')
}
