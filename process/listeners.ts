// Where a process listens: as URLs, and with a word of warning where others could listen in.
import type { Config, Listen, Role } from '../config.ts'
import type { Logger } from './logger.ts'

export const urlOf = ({ host, port }: { host: string; port: number }, { tls }: Listen): string =>
  `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

const LISTENERS: Readonly<Record<Role, readonly (readonly [setting: string, of: (config: Config) => Listen])[]>> = (() => {
  const otlp = ['LAPWING_OTLP', (config: Config) => config.otlpListen] as const
  const alerts = ['LAPWING_ALERTS', (config: Config) => config.alertsListen] as const
  const api = ['LAPWING_API', (config: Config) => config.apiListen] as const
  return { all: [otlp, alerts, api], ingest: [otlp, alerts], worker: [], api: [api] }
})()
export const warnOfPlain = (config: Config, logger: Logger): void => {
  for (const [setting, of] of LISTENERS[config.role]) {
    const { host, tls } = of(config)
    if (tls === undefined && !isLoopback(host))
      logger.warn(
        { setting: `${setting}_LISTEN`, host },
        `plain HTTP off loopback: tokens can be read on the way; set ${setting}_TLS_CERT and ${setting}_TLS_KEY, or put a proxy with TLS in front`,
      )
  }
  if (config.adminListen !== null && !isLoopback(config.adminListen.host))
    logger.warn(
      { setting: 'LAPWING_ADMIN_LISTEN', host: config.adminListen.host },
      `health and metrics off loopback ask for no token${config.adminListen.tls === undefined ? ', in plain HTTP' : ''}: let only the supervisor and Prometheus through`,
    )
}
