// nginx from Debian's package with the file that others copy, in front of a running product: TLS outside, every path to where it belongs,
// and callers counted by the address that it forwards.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProduct, until } from '../../bench/load/product.ts'
import { expectEqual, type Checks, type LiveSuite } from './checks.ts'
import { freePorts } from '../support/free-port.ts'
import { findDebianProgram, startProgram, type Running } from './program.ts'

const deployed = (path: string): string => readFileSync(new URL(`../../deploy/proxy/${path}`, import.meta.url), 'utf8')
/** In a namespace of its own there is no other user to change to, and nothing outside the directory to write. */
const startNginx = ([command, ...args]: readonly string[], directory: string, configuration: string): Running => {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ')
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, `user root root;\npid ${join(directory, 'nginx.pid')};\n${configuration.replace('http {', `http {\n  ${temporary}`)}`)
  return startProgram(command, [
    ...args,
    '-p',
    directory,
    '-e',
    join(directory, 'error.log'),
    '-c',
    file,
    '-g',
    'daemon off; master_process off;',
  ])
}

/** compose.conf between two processes, of which one is dead, or dies of every request that reached it. */
const checkCompose = async (checks: Checks, nginx: readonly string[]): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-compose-'))
  mkdirSync(join(directory, 'logs'))
  let mode: 'well' | 'dies' = 'well'
  const came: string[] = []
  const backends = ['dies', 'well'].map((kind) =>
    createServer((incoming, response) => {
      incoming.resume().on('end', () => {
        if (incoming.url !== '/up') came.push(incoming.method!)
        if (kind === 'dies' && mode === 'dies') response.destroy()
        else response.end('ok')
      })
    }),
  )
  await Promise.all(
    backends.map(
      (backend) =>
        new Promise<void>((resolve) => {
          backend.listen(0, '127.0.0.1', resolve)
        }),
    ),
  )
  const [first, second] = backends.map((backend) => (backend.address() as AddressInfo).port)
  const [port, dead, ...others] = await freePorts(4)
  // Names are Docker's, and this nginx is older than `resolve` without its price; `max_fails` off, so that every call may meet either of the two.
  const text = (left: number, right: number): string =>
    deployed('compose.conf')
      .replace(/^resolver .*$/m, '')
      .replace(
        /server (?:ingest|alerts|api):\d+ resolve max_fails=1 fail_timeout=2s;/g,
        `server 127.0.0.1:${left} max_fails=0; server 127.0.0.1:${right} max_fails=0;`,
      )
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replace('listen 4318', `listen 127.0.0.1:${others[0]}`)
      .replace('listen 9093', `listen 127.0.0.1:${others[1]}`)
  const statuses = async (method: string): Promise<number[]> => {
    came.length = 0
    const all: number[] = []
    for (let call = 0; call < 10; call++)
      all.push((await fetch(`http://127.0.0.1:${port}/call`, { method, ...(method === 'POST' ? { body: '{}' } : {}) })).status)
    return all
  }
  const run = async (left: number, fact: string, what: () => Promise<void>): Promise<void> => {
    mode = 'well'
    const running = startNginx(nginx, directory, `events {}\nhttp {\naccess_log off;\n${text(left, second)}\n}`)
    try {
      await checks.check(fact, async () => {
        await until('it answers', 10_000, async () => {
          if (running.child.exitCode !== null) throw new Error(running.output().slice(-300))
          return (await fetch(`http://127.0.0.1:${port}/up`)).ok
        })
        await what()
      })
    } finally {
      await running.stop()
    }
  }
  try {
    await run(dead, 'compose.conf: what did not reach a dead process goes to the other one, once', async () => {
      expectEqual('POST', [await statuses('POST'), came.length], [Array(10).fill(200), 10])
    })
    await run(first, 'compose.conf: what a process took and died of is not sent to the other one', async () => {
      mode = 'dies'
      expectEqual('POST', [(await statuses('POST')).filter((status) => status === 502).length, came.length], [5, 10])
      expectEqual('GET', (await statuses('GET')).filter((status) => status !== 200).length, 0)
    })
  } finally {
    for (const backend of backends) {
      backend.closeAllConnections()
      backend.close()
    }
    rmSync(directory, { recursive: true, force: true })
  }
}

export const proxy: LiveSuite = {
  name: 'Reverse proxy',
  run: async (checks) => {
    const found = findDebianProgram('nginx', 'sbin/nginx', '-v')
    if (!found.ok || spawnSync('openssl', ['version']).status !== 0) {
      checks.skip('nginx', found.ok ? 'no openssl' : found.reason)
      return
    }
    await checkCompose(checks, found.client)
    const directory = mkdtempSync(join(tmpdir(), 'lapwing-proxy-'))
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
      ],
      { stdio: 'ignore' },
    )
    const product = createProduct({ env: { LAPWING_TRUSTED_PROXIES: '127.0.0.1', LAPWING_REQUESTS_PER_MINUTE: '1000' } })
    await product.start()
    const [port] = await freePorts(1)
    const { otlp, api } = product.addresses()
    mkdirSync(join(directory, 'logs'))
    const running = startNginx(
      found.client,
      directory,
      deployed('nginx.conf')
        .replace('listen 443', `listen 127.0.0.1:${port}`)
        .replace('/etc/lapwing/tls/cert.pem', cert)
        .replace('/etc/lapwing/tls/key.pem', key)
        .replace('127.0.0.1:4318', new URL(otlp).host)
        .replace('127.0.0.1:8080', new URL(api).host),
    )
    const call = (
      method: string,
      path: string,
      headers: Record<string, string> = {},
      body?: string,
    ): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> =>
      new Promise((resolve, reject) => {
        // A connection of its own for each call: nginx closes one whose body it did not read to the end, at a moment of its own choice.
        const sent = request(
          {
            host: '127.0.0.1',
            port,
            path,
            method,
            agent: false,
            ca: readFileSync(cert),
            headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json', ...headers },
          },
          (response) => {
            let answered = ''
            response
              .on('data', (data: Buffer) => {
                answered += data.toString()
              })
              .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text: answered }))
          },
        )
        sent.on('error', reject)
        sent.end(body)
      })
    try {
      const isUp = await checks.check('nginx starts with deploy/proxy/nginx.conf', () =>
        until('it answers', 10_000, async () => {
          if (running.child.exitCode !== null) throw new Error(running.output().slice(-300))
          return (await call('GET', '/health/live')).status === 200
        }),
      )
      if (!isUp) return
      await checks.check('what is sent through it is found through it', async () => {
        expectEqual('JSON logs', (await call('POST', '/api/v1/logs/ingest', {}, '{"service":"proxied","message":"m"}')).status, 200)
        expectEqual('OTLP', (await call('POST', '/v1/logs', {}, '{"resourceLogs":[]}')).status, 200)
        await until(
          'the record is found',
          15_000,
          async () =>
            (JSON.parse((await call('GET', '/api/v1/logs/search?service=proxied')).text) as { events: unknown[] }).events.length === 1,
        )
      })
      await checks.check('a body beyond the limit is refused by us, not by the proxy', async () => {
        const answer = await call('POST', '/v1/logs', {}, `{"resourceLogs":[],"x":"${'x'.repeat(20 * 1024 * 1024 + 10)}"}`)
        expectEqual('answer', [answer.status, /google|message/.test(answer.text)], [413, true])
      })
      await checks.check('callers are counted by the address that it forwards', async () => {
        const left = async (address: string): Promise<number> =>
          Number((await call('GET', '/version', { 'x-forwarded-for': address })).headers['x-ratelimit-remaining'])
        // It adds who called it: the last address that is no trusted proxy counts, and that is 203.0.113.7 here.
        const [first, second] = [await left('203.0.113.7'), await left('203.0.113.7')]
        expectEqual('left of one address', [first - second, (await left('203.0.113.8')) > second], [1, true])
      })
    } finally {
      await running.stop()
      await product.dispose()
      rmSync(directory, { recursive: true, force: true })
    }
  },
}
