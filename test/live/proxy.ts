// nginx from Debian's package with the file that others copy, in front of a running product: TLS outside, every path to where it belongs,
// and callers counted by the address that it forwards.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProduct, until } from '../../bench/load/product.ts'
import { expectEqual, type LiveSuite } from './checks.ts'
import { findDebianProgram, freePorts, startProgram } from './program.ts'

export const proxy: LiveSuite = {
  name: 'Reverse proxy',
  run: async (checks) => {
    const found = findDebianProgram('nginx', 'sbin/nginx', '-v')
    if (!found.ok || spawnSync('openssl', ['version']).status !== 0) {
      checks.skip('nginx', found.ok ? 'no openssl' : found.reason)
      return
    }
    const directory = mkdtempSync(join(tmpdir(), 'lapwing-proxy-'))
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' })
    const product = createProduct({ env: { LAPWING_TRUSTED_PROXIES: '127.0.0.1', LAPWING_REQUESTS_PER_MINUTE: '1000' } })
    await product.start()
    const [port] = await freePorts(1)
    const { otlp, api } = product.addresses()
    mkdirSync(join(directory, 'logs'))
    const file = join(directory, 'nginx.conf')
    const text = readFileSync(new URL('../../deploy/proxy/nginx.conf', import.meta.url), 'utf8').replace('listen 443', `listen 127.0.0.1:${port}`).replace('/etc/lapwing/tls/cert.pem', cert).replace('/etc/lapwing/tls/key.pem', key)
      .replace('127.0.0.1:4318', new URL(otlp).host).replace('127.0.0.1:8080', new URL(api).host)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(directory, name)};`).join(' ')
    // In a namespace of its own there is no other user to change to.
    writeFileSync(file, `user root root;\npid ${join(directory, 'nginx.pid')};\n${text.replace('http {', `http {\n  ${temporary}`)}`)
    const running = startProgram(found.client[0], [...found.client.slice(1), '-p', directory, '-e', join(directory, 'error.log'), '-c', file, '-g', 'daemon off; master_process off;'])
    const call = (method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> => new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, ca: readFileSync(cert), headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json', ...headers } }, (response) => {
        let answered = ''
        response.on('data', (data: Buffer) => { answered += data.toString() }).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text: answered }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
    try {
      const isUp = await checks.check('nginx starts with deploy/proxy/nginx.conf', () => until('it answers', 10_000, async () => {
        if (running.child.exitCode !== null) throw new Error(running.output().slice(-300))
        return (await call('GET', '/health/live')).status === 200
      }))
      if (!isUp) return
      await checks.check('what is sent through it is found through it', async () => {
        expectEqual('JSON logs', (await call('POST', '/api/v1/logs/ingest', {}, '{"service":"proxied","message":"m"}')).status, 200)
        expectEqual('OTLP', (await call('POST', '/v1/logs', {}, '{"resourceLogs":[]}')).status, 200)
        await until('the record is found', 15_000, async () => (JSON.parse((await call('GET', '/api/v1/logs/search?service=proxied')).text) as { events: unknown[] }).events.length === 1)
      })
      await checks.check('a body beyond the limit is refused by us, not by the proxy', async () => {
        const answer = await call('POST', '/v1/logs', {}, `{"resourceLogs":[],"x":"${'x'.repeat(20 * 1024 * 1024 + 10)}"}`)
        expectEqual('answer', [answer.status, /google|message/.test(answer.text)], [413, true])
      })
      await checks.check('callers are counted by the address that it forwards', async () => {
        const left = async (address: string): Promise<number> => Number((await call('GET', '/version', { 'x-forwarded-for': address })).headers['x-ratelimit-remaining'])
        // It adds who called it: the last address that is no trusted proxy counts, and that is 203.0.113.7 here.
        const [first, second] = [await left('203.0.113.7'), await left('203.0.113.7')]
        expectEqual('left of one address', [first - second, await left('203.0.113.8') > second], [1, true])
      })
    } finally {
      await running.stop()
      await product.dispose()
      rmSync(directory, { recursive: true, force: true })
    }
  },
}
