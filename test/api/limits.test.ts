// What an address and a token have left is told on every answer, in three families of headers; a proxy is believed only when it is named.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAddressWindows } from '../../api/services/address-windows.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

const MAX = 30
let api: Harness
beforeAll(async () => {
  api = await openHarness(undefined, { requestsPerMinute: MAX, trustProxy: ['127.0.0.1', '10.0.0.0/8'] })
})
afterAll(async () => {
  await api.close()
})

let address = 0
/** Each test is somebody else. */
const from =
  (ip: string) =>
  async (url: string, { who, method = 'GET', payload }: { who?: string; method?: 'GET' | 'POST'; payload?: object } = {}) =>
    await api.app.inject({
      method,
      url,
      headers: { ...(who === undefined ? {} : bearer(who)), 'x-forwarded-for': ip },
      ...(payload === undefined ? {} : { payload }),
    })
const fresh = () => from(`198.51.100.${++address}`)
const monitor = (name: string) => ({ name, type: 'heartbeat', intervalSec: 60 })
const DAY_END = Date.UTC(2026, 1, 1) / 1000

describe('every answer', () => {
  it('tells what the address has left: found, refused, missing, documentation', async () => {
    const call = fresh()
    const urls: [string, string | undefined, number][] = [
      ['/api/v1/monitors', 'owner', 200],
      ['/api/v1/monitors', undefined, 401],
      ['/api/v1/monitors/none', 'owner', 404],
      ['/nothing', undefined, 404],
      ['/api/v1/anomalies?limit=0', 'owner', 400],
      ['/openapi.json', undefined, 200],
      ['/docs/', undefined, 200],
      ['/health/live', undefined, 200],
    ]
    for (const [index, [url, who, status]] of urls.entries()) {
      const { statusCode, headers } = await call(url, { who })
      expect([url, statusCode, headers]).toEqual([
        url,
        status,
        expect.objectContaining({
          'x-ratelimit-limit': String(MAX),
          'x-ratelimit-remaining': String(MAX - 1 - index),
          'x-ratelimit-reset': String(NOW / 1000 + 60),
          'ratelimit-policy': `"ip";q=${MAX};w=60`,
          ratelimit: `"ip";r=${MAX - 1 - index};t=60`,
        }),
      ])
      expect(Object.keys(headers).filter((name) => name.startsWith('x-pat'))).toEqual([])
    }
  })

  it('tells what is left of the caps of the token, on a read too', async () => {
    const call = fresh()
    const made = await call('/api/v1/monitors', { who: 'capped', method: 'POST', payload: monitor('one') })
    expect([made.statusCode, made.headers]).toEqual([
      201,
      expect.objectContaining({ 'x-pat-mut-limit': '40', 'x-pat-mut-remaining': '39', 'x-pat-mut-reset': String(DAY_END) }),
    ])
    const { headers } = await call('/api/v1/monitors', { who: 'capped' })
    expect(headers).toMatchObject({
      'x-pat-mut-remaining': '39',
      'ratelimit-policy': `"ip";q=${MAX};w=60, "pat-mut";q=40;w=86400`,
      ratelimit: `"ip";r=${MAX - 2};t=60, "pat-mut";r=39;t=43200`,
    })
    await api.store.query("INSERT INTO token_usage (tenant, token_id, day, log_bytes) VALUES ('a', 'pat_spent', '2026-01-31', 1200)")
    const refused = await call('/api/v1/monitors', { who: 'spent', method: 'POST', payload: monitor('two') })
    expect([refused.statusCode, refused.headers]).toEqual([
      429,
      expect.objectContaining({
        'retry-after': '43200',
        'x-pat-mut-limit': '0',
        'x-pat-mut-remaining': '0',
        'x-pat-logbytes-limit': '1000',
        'x-pat-logbytes-used': '1000',
        'x-pat-logbytes-remaining': '0',
        'x-pat-logbytes-reset': String(DAY_END),
        ratelimit: `"ip";r=${MAX - 3};t=60, "pat-mut";r=0;t=43200, "pat-log-bytes";r=0;t=43200`,
      }),
    ])
  })

  it('over MCP too', async () => {
    const { statusCode, headers } = await api.app.inject({
      method: 'POST',
      url: '/mcp',
      headers: { ...bearer('capped'), accept: 'application/json, text/event-stream' },
      payload: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
    })
    expect([statusCode, headers]).toEqual([
      200,
      expect.objectContaining({
        'x-ratelimit-limit': String(MAX),
        'x-pat-mut-limit': '40',
        ratelimit: expect.stringContaining('"pat-mut";r='),
      }),
    ])
  })

  it('of a store that is away comes all the same, without the caps', async () => {
    const away = {
      ...api.store,
      query: async () => {
        throw new Error('away')
      },
    }
    const other = await openHarness({
      ...away,
      query: async (sql, params) => (sql.includes('token_usage') ? await away.query() : await api.store.query(sql, params)),
    })
    const { statusCode, headers } = await other.app.inject({ url: '/api/v1/monitors', headers: bearer('capped') })
    expect([statusCode, headers['x-pat-mut-limit'], headers['x-ratelimit-limit']]).toEqual([200, undefined, '1000000'])
    await other.app.close()
  })
})

describe('an address', () => {
  it('that asks more often is told when to come back, whatever it asks; whoever watches the process still hears from it', async () => {
    const call = fresh()
    for (let n = 0; n < MAX; n++) await call('/version')
    api.nowMs = NOW + 20_000
    for (const url of ['/version', '/api/v1/monitors', '/nothing', '/openapi.json']) {
      const refused = await call(url)
      expect([url, refused.statusCode, refused.json(), refused.headers]).toEqual([
        url,
        429,
        expect.objectContaining({ code: 'RATE_LIMITED', retry_after_s: 40 }),
        expect.objectContaining({ 'retry-after': '40', 'x-ratelimit-remaining': '0' }),
      ])
    }
    expect((await call('/health/live')).statusCode).toBe(200)
    expect((await fresh()('/version')).statusCode).toBe(200)
    api.nowMs = NOW + 60_000
    expect((await call('/version')).statusCode).toBe(200)
    api.nowMs = NOW
  })

  it('of IPv6 stands for its network', async () => {
    const left = async (ip: string) => (await from(ip)('/version')).headers['x-ratelimit-remaining']
    expect([await left('2001:db8::1'), await left('2001:db8::2'), await left('2001:db8:0:1::1')]).toEqual(['29', '28', '29'])
  })

  it('is what a proxy says only where the proxy is named', async () => {
    const remaining = async (harness: Harness, remoteAddress: string, forwarded: string) =>
      (await harness.app.inject({ url: '/version', remoteAddress, headers: { 'x-forwarded-for': forwarded } })).headers[
        'x-ratelimit-remaining'
      ]
    expect([
      await remaining(api, '10.1.2.3', '203.0.113.1'),
      await remaining(api, '10.9.9.9', '203.0.113.1'),
      await remaining(api, '192.0.2.9', '203.0.113.1'),
      await remaining(api, '192.0.2.9', '203.0.113.7'),
    ]).toEqual(['29', '28', '29', '28'])
    const bare = await openHarness(api.store, { requestsPerMinute: MAX })
    expect([await remaining(bare, '10.1.2.3', '203.0.113.1'), await remaining(bare, '10.1.2.3', '203.0.113.2')]).toEqual(['29', '28'])
    await bare.app.close()
  })
})

describe('processes on one store', () => {
  const open = () =>
    createAddressWindows(
      { windowMs: 60_000, shared: false },
      {
        store: api.store,
        clock: () => api.nowMs,
        onError: (error) => {
          throw error as Error
        },
      },
    )
  const hits = (windows: ReturnType<typeof open>, n: number): number =>
    Array.from({ length: n }, () => windows.hit('203.0.113.50').current).at(-1)!

  it('count together, and lose no request when they tell each other at once', async () => {
    const [a, b] = [open(), open()]
    expect([hits(a, 10), hits(b, 5)]).toEqual([10, 5])
    await Promise.all([a.exchange(), b.exchange()])
    hits(a, 1)
    hits(b, 1)
    await a.exchange()
    await b.exchange()
    expect([hits(b, 1), await a.exchange(), hits(a, 1)]).toEqual([18, undefined, 17])
    // What comes while it tells is counted too.
    const telling = b.exchange()
    expect(hits(b, 1)).toBe(19)
    await telling
    expect(hits(b, 1)).toBe(20)
    api.nowMs = NOW + 60_000
    expect(hits(a, 1)).toBe(1)
    await a.exchange()
    api.nowMs = NOW + 180_000
    hits(a, 1)
    await a.exchange()
    expect(await api.store.query("SELECT requests FROM address_windows WHERE address = '203.0.113.50'")).toEqual([{ requests: 1 }])
    api.nowMs = NOW
  })

  it('count on alone while the store is away', async () => {
    let away = true
    const errors: unknown[] = []
    const windows = createAddressWindows(
      { windowMs: 60_000, shared: false },
      {
        store: {
          query: async (sql, params) => {
            if (away) throw new Error('away')
            return await api.store.query(sql, params)
          },
        },
        clock: () => NOW,
        onError: (error) => errors.push(error),
      },
    )
    for (let n = 0; n < 3; n++) windows.hit('203.0.113.60')
    await windows.exchange()
    expect([windows.hit('203.0.113.60').current, errors.length]).toEqual([4, 1])
    away = false
    await windows.exchange()
    expect(windows.hit('203.0.113.60').current).toBe(5)
  })
})
