// Every code of the registry, produced by a request. The stores are stubs: what is tested is what is said of them.
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp, type App } from '../../api/app.ts'
import { errorCodes, type ErrorName } from '../../api/errors.ts'
import type { ApiDeps } from '../../api/ports.ts'
import { sha256 } from '../../api/services/ids.ts'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import type { Principal } from '../../streams/contracts/principal.ts'

const NOW = Date.UTC(2026, 0, 31, 12)
const DEADLINE_MS = 150
const principal: Principal = {
  tenant: 'a',
  userId: 'u',
  email: 'u@a.test',
  role: 'owner',
  tokenId: 'pat_1',
  scopes: ['*'],
  expiresAtMs: null,
}
const tokens = Object.entries({
  owner: principal,
  root: { ...principal, role: 'super-admin' as const },
  slow: { ...principal, tokenId: 'isage_key_1', rateLimitRps: 1 },
  spent: { ...principal, tokenId: 'pat_2', dailyMutationLimit: 0 },
  viewer: { ...principal, role: 'viewer' as const },
  writer: { ...principal, scopes: ['logs:write'] },
  anomalies: { ...principal, scopes: ['anomalies:read'] },
})
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const as = (name: string): Record<string, string> => ({ authorization: `Bearer ${name}` })
const never = (): Promise<never> => new Promise(() => undefined)

let app: App
let port = 0
let nowMs = NOW
const used: string[] = []
let dependencies: Record<string, string> = { clickhouse: 'ok' }
/** What the stores do when they are asked. */
let clickhouse: () => Promise<object[]> = async () => []
let store: () => Promise<object[]> = async () => []
beforeAll(async () => {
  const deps: Partial<ApiDeps> = {
    clock: () => nowMs,
    logger: quiet,
    deadlineMs: DEADLINE_MS,
    credentials: () => ({ tokens: tokens.map(([name, one]) => [sha256(name), one] as const), heartbeats: [] }),
    clickhouse: { query: async <Row>() => (await clickhouse()) as Row[] },
    store: {
      query: async <Row>() => (await store()) as Row[],
      transaction: async (run) => run({ query: async <Row>() => (await store()) as Row[] }),
      close: async () => undefined,
    },
    onTokenUse: ({ tenant, tokenId, atMs }) => {
      used.push(`${tenant} ${tokenId} ${atMs}`)
    },
    rca: { correlations: never, analysis: never, blast: never, graph: never, topology: never, neighbours: never },
    status: async () => ({}),
    ready: async () => dependencies,
    metrics: async () => 'lapwing_up 1\n',
  }
  app = await createApp(
    { listen: { host: '127.0.0.1', port: 0 }, version: '0', secretKey: 'k', metricsOpen: false, otlpBase: () => '' },
    deps as ApiDeps,
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as { port: number }).port
})
afterAll(async () => {
  await app.close()
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
/** Bytes as they are on a socket; the answer when the other side has closed it. */
const send = (text: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket
      .on('data', (bytes) => {
        received += bytes.toString()
      })
      .on('error', reject)
      .on('close', () => {
        const [head, body] = received.split('\r\n\r\n')
        const [line, ...lines] = head.split('\r\n')
        resolve({
          status: Number(line.split(' ')[1]),
          headers: Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 2)])),
          body,
        })
      })
  })
type Call = {
  url: string
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Record<string, string>
  payload?: string | object
}
const call = async (one: Call): Promise<Answer> => {
  const reply = await app.inject({ headers: as('owner'), ...one })
  return { status: reply.statusCode, headers: reply.headers as Record<string, string>, body: reply.body }
}
const anomalies: Call = { url: '/api/v1/anomalies' }
const monitor = { name: 'n', type: 'heartbeat', intervalSec: 60 }
const post = (payload: string, type = 'application/json'): Promise<Answer> =>
  call({ method: 'POST', url: '/api/v1/monitors', headers: { ...as('owner'), 'content-type': type }, payload })
const cursor = async (): Promise<string> => {
  const row = {
    kind: '',
    service_id: '',
    metric_name: '',
    anomaly_score: 0,
    z_score: 0,
    detected_at_ms: '1',
    started_at_ms: '1',
    resolved_at_ms: '1',
    observed: 0,
    expected: 0,
    lower: 0,
    upper: 0,
    history: 0,
    signal: '',
    summary: '',
    total: '2',
  }
  clickhouse = async () => [1, 2].map((n) => ({ ...row, anomaly_id: `anom-${n}` }))
  return (JSON.parse((await call({ url: '/api/v1/anomalies?limit=1' })).body) as { page_token: string }).page_token
}

const producers: Readonly<Record<ErrorName, () => Promise<Answer>>> = {
  VALIDATION_FAILED: () => call({ url: '/api/v1/anomalies?limit=0' }),
  BAD_REQUEST: () => send('GET / HTTP/9.9\r\n\r\n'),
  BAD_JSON: () => post('{'),
  BAD_TIME_RANGE: () => call({ url: '/api/v1/anomalies?since=yesterday' }),
  CURSOR_MISMATCH: () => call({ url: '/api/v1/anomalies?page_token=x.y' }),
  QUERY_TOO_LARGE: () => {
    clickhouse = () => Promise.reject(new TransientError('QUERY_TIMED_OUT', 'secret query takes too long'))
    return call({ url: '/api/v1/logs/aggregate' })
  },
  CURSOR_EXPIRED: async () => {
    const token = await cursor()
    nowMs = NOW + 3_600_001
    return await call({ url: `/api/v1/anomalies?limit=1&page_token=${token}` })
  },
  IDEMPOTENCY_KEY_TOO_LONG: () =>
    call({ method: 'POST', url: '/api/v1/monitors', headers: { ...as('owner'), 'idempotency-key': 'x'.repeat(256) }, payload: monitor }),
  IDEMPOTENCY_KEY_REPLAY_CONFLICT: () => {
    store = async () => [{ fingerprint: 'of another call', status: 201, sealed: '' }]
    return call({ method: 'POST', url: '/api/v1/monitors', headers: { ...as('owner'), 'idempotency-key': 'x' }, payload: monitor })
  },
  FEEDBACK_NOT_APPLICABLE: () => {
    clickhouse = async () => [{ anomaly_id: 'anom-1', service_id: 'payments', direction: 0 }]
    return call({ method: 'POST', url: '/api/v1/anomalies/anom-1/feedback', payload: { verdict: 'noise' } })
  },
  IDEMPOTENCY_IN_PROGRESS: () => {
    // Nothing is found, and the lock is held by another process.
    let asked = 0
    store = async () => (asked++ === 0 ? [] : [{ got: false }])
    return call({ method: 'POST', url: '/api/v1/monitors', headers: { ...as('owner'), 'idempotency-key': 'y' }, payload: monitor })
  },
  PAT_DAILY_LIMIT_EXCEEDED: () => call({ method: 'POST', url: '/api/v1/monitors', headers: as('spent'), payload: monitor }),
  UNAUTHENTICATED: () => call({ ...anomalies, headers: {} }),
  PAT_SCOPE_INSUFFICIENT: () => call({ ...anomalies, headers: as('writer') }),
  ROLE_INSUFFICIENT: () => call({ method: 'POST', url: '/api/v1/monitors', headers: as('viewer'), payload: monitor }),
  NOT_FOUND: () => call({ url: '/api/v1/nothing' }),
  METHOD_NOT_ALLOWED: () => call({ method: 'DELETE', url: '/api/v1/anomalies' }),
  REQUEST_TIMEOUT: () => send('GET / HTTP/1.1\r\nHost: x\r\n'),
  MONITOR_NAME_DUPLICATE: () => {
    // The tenant is locked, then the row is refused.
    let asked = 0
    store = () => (asked++ === 0 ? Promise.resolve([]) : Promise.reject(Object.assign(new Error('duplicate key'), { code: '23505' })))
    return call({ method: 'POST', url: '/api/v1/monitors', payload: monitor })
  },
  TENANT_DUPLICATE: () =>
    call({
      method: 'POST',
      url: '/api/v1/tenants',
      headers: as('root'),
      payload: { tenant_id: 'acme', name: 'Acme', contact_email: 'a@acme.test' },
    }),
  LAST_OWNER: () => {
    store = async () => [{ user_id: 'u', role: 'owner' }]
    return call({ method: 'DELETE', url: '/api/v1/me/members/u' })
  },
  RATE_LIMITED: async () => {
    await call({ url: '/version', headers: as('slow') })
    await call({ ...anomalies, headers: as('slow') })
    return await call({ ...anomalies, headers: as('slow') })
  },
  BODY_TOO_LARGE: () => post(`"${'x'.repeat(1024 * 1024)}"`),
  UNSUPPORTED_MEDIA_TYPE: () => post('x', 'text/plain'),
  HEADERS_TOO_LARGE: () => send(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
  INTERNAL: () => {
    clickhouse = () => Promise.reject(new PermanentError('STORE_REJECTED', 'secret detail'))
    return call(anomalies)
  },
  STORE_UNAVAILABLE: () => {
    clickhouse = () => Promise.reject(new TransientError('STORE_UNAVAILABLE', 'secret host is down', 2500))
    return call(anomalies)
  },
  NOT_READY: () => {
    dependencies = { clickhouse: 'unreachable', ingest: 'ok' }
    return call({ url: '/health/ready', headers: {} })
  },
  OVERLOADED: () => {
    clickhouse = () => Promise.reject(new TransientError('STORE_OVERLOADED', 'secret query needs more memory'))
    return call(anomalies)
  },
}
const reset = (): void => {
  nowMs = NOW
  dependencies = { clickhouse: 'ok' }
  clickhouse = store = async () => []
}

describe('the code', () => {
  it.each(Object.keys(errorCodes) as ErrorName[])('%s is answered in the envelope, with its status, a hint and an id', async (code) => {
    const { status, headers, body } = await producers[code]()
    reset()
    const said = JSON.parse(body) as Record<string, unknown>
    expect(said).toMatchObject({ code, hint: errorCodes[code].hint, error: expect.any(String) })
    expect(status).toBe(errorCodes[code].status)
    expect(said.request_id).toBe(headers['x-request-id'])
    expect(headers['cache-control']).toBe('no-store')
    expect(body).not.toContain('secret')
    if (status === 503 || status === 429) expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    if (status === 405) expect(headers.allow).toBe('GET, HEAD')
  })
})

describe('a store that never answers', () => {
  it.each<Record<string, string>>([{}, { 'idempotency-key': 'z' }])('is 503 within the deadline for a change %o', async (headers) => {
    store = never
    const begun = performance.now()
    const { status } = await call({ method: 'POST', url: '/api/v1/monitors', headers: { ...as('owner'), ...headers }, payload: monitor })
    reset()
    expect([status, performance.now() - begun < DEADLINE_MS + 2000]).toEqual([503, true])
  })

  const reads = [
    '/api/v1/anomalies',
    '/api/v1/logs/search',
    '/api/v1/logs/aggregate',
    '/api/v1/incidents',
    '/api/v1/monitors',
    '/api/v1/me/tokens',
    '/api/v1/audit-logs',
    '/api/v1/incidents/inc_1/analysis',
  ]
  it.each(reads)('is 503 within the deadline for %s', async (url) => {
    clickhouse = store = never
    const begun = performance.now()
    const { status, headers, body } = await call({ url })
    reset()
    expect([status, (JSON.parse(body) as { code: string }).code, headers['retry-after']]).toEqual([
      503,
      'STORE_UNAVAILABLE',
      expect.anything(),
    ])
    expect(performance.now() - begun).toBeLessThan(DEADLINE_MS + 2000)
  })
})

describe('what is not ready', () => {
  it('is named in the envelope, with every dependency', async () => {
    dependencies = { clickhouse: 'unreachable', ingest: 'ok' }
    const reply = await app.inject('/health/ready')
    reset()
    expect(reply.json()).toMatchObject({
      error: 'clickhouse is unreachable',
      code: 'NOT_READY',
      status: 'unavailable',
      dependencies: { clickhouse: 'unreachable', ingest: 'ok' },
    })
    expect((await app.inject('/health/ready')).json()).toEqual({ status: 'ok', dependencies: { clickhouse: 'ok' } })
  })
})

describe('a method that a path does not take', () => {
  const paths = [
    '/docs',
    '/docs/errors',
    '/openapi.json',
    '/health',
    '/metrics',
    '/api/v1/anomalies',
    '/api/v1/logs/search',
    '/api/v1/incidents/x/analysis',
  ]
  it.each(paths)('is 405 with Allow at %s, whatever its body', async (url) => {
    for (const [type, payload] of [
      ['text/nonsense', '{'],
      ['application/json', '{'],
      ['application/json', `"${'x'.repeat(1024 * 1024)}"`],
      ['application/json', ''],
    ]) {
      const { status, headers } = await call({ method: 'POST', url, headers: { 'content-type': type }, payload })
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
    }
  })

  it('is 404 where there is no path, whatever its body', async () => {
    for (const url of ['/api/v1/nothing', '/api/v1/monitors/x/nothing', '/docs/nothing']) {
      const { status, body } = await call({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload: '{' })
      expect([url, status, (JSON.parse(body) as { code: string }).code]).toEqual([url, 404, 'NOT_FOUND'])
    }
    expect((await call({ url: '/docs/nothing' })).status).toBe(404)
  })
})

describe('a request that Node would answer by itself', () => {
  it('without Host is refused in the envelope, with an unknown expectation it is answered', async () => {
    expect(JSON.parse((await send('GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).body)).toMatchObject({
      code: 'BAD_REQUEST',
      error: 'HTTP/1.1 needs a Host header',
    })
    expect((await send('GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\nConnection: close\r\n\r\n')).status).toBe(200)
  })

  it('of a method that Node knows and no route takes is 405', async () => {
    expect((await send('PROPFIND /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).headers.allow).toBe('GET, HEAD')
  })

  it('whose chunks are malformed is refused in the envelope', async () => {
    const { status, body } = await send(
      'POST /api/v1/monitors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    )
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([400, 'BAD_REQUEST'])
  })
})

describe('problem+json', () => {
  it.each([
    ['application/problem+json', true],
    ['application/problem+json;q=0', false],
    ['application/problem+json; q=0.000, */*', false],
    ['application/json, application/problem+json;q=0.5', false],
    ['application/json;q=0.5, application/problem+json;q=0.9', true],
    ['Application/Problem+JSON', true],
    ['application/problem+json;q=nonsense', false],
    ['*/*', false],
    ['', false],
  ])('for Accept: %s is %s', async (accept, expected) => {
    const { headers } = await call({ url: '/api/v1/nothing', headers: { accept } })
    expect(headers['content-type'].startsWith('application/problem+json')).toBe(expected)
  })
})

describe('the use of a token', () => {
  it('is noted when it is known, allowed or not', async () => {
    used.length = 0
    for (const headers of [as('owner'), as('writer'), as('nobody'), undefined])
      await call({ url: '/api/v1/anomalies', headers: headers ?? {} })
    expect(used).toEqual([`a pat_1 ${NOW}`, `a pat_1 ${NOW}`])
  })
})

describe('metrics that are not open', () => {
  it('need a token that may read anomalies', async () => {
    expect((await call({ url: '/metrics', headers: as('writer') })).status).toBe(403)
    expect((await call({ url: '/metrics', headers: as('anomalies') })).body).toBe('lapwing_up 1\n')
  })
})

describe('bodies', () => {
  it('are asked for in the description only where there is something to say', async () => {
    const spec = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, { requestBody?: object }>> }>()
    const asked = Object.entries(spec.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, one]) => one.requestBody !== undefined)
        .map(([method]) => `${method} ${path}`),
    )
    expect(asked).toContain('post /api/v1/monitors')
    expect(asked.filter((one) => /acknowledge|resolve|rotate/.test(one))).toEqual([])
  })

  it('with an unknown field are refused by every operation that takes one, and empty ones by none that needs nothing', async () => {
    const spec = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, { operationId: string }>> }>()
    const writing = Object.entries(spec.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => path !== '/mcp' && ['post', 'put', 'patch'].includes(method))
        .map((method) => ({ path, method })),
    )
    expect(writing.length).toBeGreaterThan(6)
    for (const { path, method } of writing) {
      const reply = await call({
        method: method.toUpperCase() as 'POST',
        headers: as('root'),
        url: path.replace('{id}', 'x'),
        payload: { nonsense: 1 },
      })
      expect([path, reply.status, reply.body]).toEqual([
        path,
        400,
        expect.stringMatching(
          /"path":"(nonsense|name|body|postmortem|action|scope|tenant_id|contact_email|verdict|service_id|endsAt|incident_id)"/,
        ),
      ])
    }
    for (const url of ['incidents/x/acknowledge', 'incidents/x/resolve', 'monitors/x/rotate-heartbeat-token']) {
      for (const payload of [undefined, {}])
        expect((await call({ method: 'POST', url: `/api/v1/${url}`, ...(payload === undefined ? {} : { payload }) })).status).toBe(404)
      expect(JSON.parse((await call({ method: 'POST', url: `/api/v1/${url}`, payload: { nonsense: 1 } })).body)).toMatchObject({
        fields: [{ path: 'nonsense', message: 'unknown field' }],
      })
    }
  })

  it('with a value that is none of the allowed ones are told which these are', async () => {
    for (const intervalSec of [61, '60', null, 1.5]) {
      const { body } = await call({ method: 'POST', url: '/api/v1/monitors', payload: { ...monitor, intervalSec } })
      expect((JSON.parse(body) as { fields: object[] }).fields).toEqual([
        expect.objectContaining({
          path: 'intervalSec',
          code: 'invalid_literal',
          message: 'Expected one of 30, 60, 300, 900, 1800, 3600',
          allowed: [30, 60, 300, 900, 1800, 3600],
        }),
      ])
    }
    expect(JSON.parse((await call({ url: '/api/v1/incidents?status=over' })).body)).toMatchObject({
      fields: [{ path: 'status', code: 'invalid_literal', message: 'Expected one of open, acknowledged, resolved' }],
    })
  })
})

describe('a search', () => {
  it('for no word is refused and told what a word is; an empty q is none', async () => {
    for (const q of ['---', '%20', '..%2F']) {
      const { status, body } = await call({ url: `/api/v1/logs/search?q=${q}` })
      expect([status, JSON.parse(body)]).toEqual([
        400,
        expect.objectContaining({ code: 'VALIDATION_FAILED', fields: [expect.objectContaining({ path: 'q', code: 'no_word' })] }),
      ])
    }
    expect((await call({ url: '/api/v1/logs/search?q=' })).status).toBe(200)
    expect((await call({ url: '/api/v1/logs/search?q=%C3%A4' })).status).toBe(200)
  })
})
