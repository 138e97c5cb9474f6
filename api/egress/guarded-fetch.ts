// The only way out: a request that reaches no address it should not. The address is looked at when a name is resolved and
// again when the socket is connected, so that neither a literal nor a name that changes its mind gets through. No redirect
// is followed. The only file that imports undici.
import { lookup as resolve, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import type { Agent, buildConnector } from 'undici'
import { bare, isAllowed, isPublic, NOTHING_ALLOWED, type AllowList } from './address.ts'

export interface Fetched {
  readonly status: number
  readonly body: string
}
/** @throws EgressError; the same for an address that is refused and for one that does not answer. */
export type GuardedFetch = (
  url: string,
  post?: { readonly body: string; readonly headers: Readonly<Record<string, string>> },
) => Promise<Fetched>
export interface GuardedFetchConfig {
  /** Of the operator; for URLs of API callers there is none. */
  readonly allow?: AllowList
  readonly timeoutMs?: number
  readonly maxBytes?: number
  /** For tests: what a name resolves to. */
  readonly resolve?: typeof resolve
}

const MAX_URL_LENGTH = 2048
const PORTS = new Set([80, 443, 8443])
export class EgressError extends Error {}
const unreachable = (): EgressError => new EgressError('the address cannot be reached')
/** What of undici's options the connector is made for. */
type Connect = ReturnType<typeof buildConnector>

const assertUrl = (text: string, allow: AllowList): URL => {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) throw new EgressError('not a URL')
  const url = new URL(text)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const isNamed = allow.hosts.some((one) => one.port === port && one.host === bare(url.hostname))
  if (url.username !== '' || url.password !== '') throw new EgressError('a URL with credentials is not taken')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (isNamed || allow.networks.length > 0)))
    throw new EgressError('only https is taken')
  if (!PORTS.has(port) && !isNamed && allow.networks.length === 0) throw new EgressError('only the ports 80, 443 and 8443 are taken')
  return url
}

const createConnect = (make: typeof buildConnector, allow: AllowList, timeoutMs: number, resolveName: typeof resolve): Connect => {
  const may = (host: string, port: number, address: string): boolean => isPublic(address) || isAllowed(allow, host, port, address)
  return (options, done) => {
    const host = bare(options.hostname)
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
    // Literals never reach the look-up.
    if (isIP(host) !== 0 && !may(host, port, host)) return done(unreachable(), null)
    const connect = make({
      timeout: timeoutMs,
      lookup: (name, lookupOptions, answer) => {
        resolveName(name, { ...lookupOptions, all: true }, (error, found) => {
          const addresses = found as LookupAddress[]
          if (error !== null || addresses.length === 0 || addresses.some(({ address }) => !may(host, port, address)))
            answer(unreachable(), '', 4)
          else if (lookupOptions.all === true) (answer as (error: null, all: LookupAddress[]) => void)(null, addresses)
          else answer(null, addresses[0].address, addresses[0].family)
        })
      },
    })
    return connect(options, (error, socket) => {
      if (error !== null) return done(unreachable(), null)
      if (may(host, port, socket.remoteAddress ?? '')) return done(null, socket)
      socket.destroy()
      return done(unreachable(), null)
    })
  }
}

export const createGuardedFetch = ({
  allow = NOTHING_ALLOWED,
  timeoutMs = 5000,
  maxBytes = 256 * 1024,
  resolve: resolveName = resolve,
}: GuardedFetchConfig): GuardedFetch => {
  let agent: Agent | null = null
  return async (text, post) => {
    const url = assertUrl(text, allow)
    const sent = post === undefined ? {} : { method: 'POST' as const, body: post.body }
    // A hundred files, and most processes never ask anybody: loaded by the first request, not by the start.
    const { Agent, buildConnector, request } = await import('undici')
    agent ??= new Agent({
      connect: createConnect(buildConnector, allow, timeoutMs, resolveName),
      pipelining: 0,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: maxBytes,
      keepAliveTimeout: 1,
    })
    try {
      const { statusCode, body } = await request(url, {
        dispatcher: agent,
        ...sent,
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...post?.headers },
        signal: AbortSignal.timeout(timeoutMs),
      })
      return { status: statusCode, body: await body.text() }
    } catch {
      throw unreachable()
    }
  }
}
