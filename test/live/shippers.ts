// Vector and Fluent Bit with the files that others copy, where a machine has them on its PATH: no registry has their programs. What they
// send by those files is played in any case, as their documentation gives it.
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import { expectEqual, type Checks, type LiveSuite } from './checks.ts'
import { runStep, startProgram } from './program.ts'

const EVENTS = 900

const messages = async (product: Product, service: string): Promise<string[]> =>
  ((await (await product.api(`/api/v1/logs/search?service=${service}&limit=1000`)).json()) as { events: { message: string }[] }).events.map(
    ({ message }) => message,
  )
const post = async (product: Product, path: string, headers: Record<string, string>, body: Uint8Array): Promise<void> => {
  const answer = await fetch(`${product.addresses().otlp}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, ...headers },
    body: body as Uint8Array<ArrayBuffer>,
  })
  expectEqual('answer', answer.status, 200)
}

const played = async (checks: Checks, product: Product): Promise<void> => {
  await checks.check('Vector, as documented: a zstd array of its events, more than 500 of them', async () => {
    const at = new Date().toISOString()
    const events = Array.from({ length: EVENTS }, (_, index) => ({
      file: '/var/log/app/a.log',
      host: 'web-1',
      message: `vector ${index}`,
      service: 'played-vector',
      timestamp: at,
    }))
    await post(
      product,
      '/api/v1/logs/ingest',
      { 'content-type': 'application/json', 'content-encoding': 'zstd', 'user-agent': 'Vector/0.50.0' },
      zstdCompressSync(JSON.stringify(events)),
    )
    await until('they are found', 20_000, async () => (await messages(product, 'played-vector')).length >= EVENTS)
    expectEqual('each of them once', (await messages(product, 'played-vector')).sort(), events.map(({ message }) => message).sort())
  })
  await checks.check('Fluent Bit, as documented: gzip of OTLP whose body is the line, without service.name', async () => {
    const nowNano = BigInt(Date.now()) * 1_000_000n
    const records = ['one', 'two'].map((line) => ({
      timeUnixNano: nowNano,
      observedTimeUnixNano: nowNano,
      body: { stringValue: `fluent ${line}` },
    }))
    await post(
      product,
      '/v1/logs',
      { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', 'user-agent': 'Fluent-Bit' },
      gzipSync(encodeRequest({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: records }] }] })),
    )
    await until(
      'they are found',
      20_000,
      async () => (await messages(product, 'unknown_service')).sort().join() === 'fluent one,fluent two',
    )
  })
}

interface Shipper {
  readonly name: string
  readonly command: string
  readonly file: string
  readonly service: string
  options(file: string): readonly string[]
}
const SHIPPERS: readonly Shipper[] = [
  { name: 'Vector', command: 'vector', file: 'vector.yaml', service: 'app', options: (file) => ['--config', file] },
  { name: 'Fluent Bit', command: 'fluent-bit', file: 'fluent-bit.yaml', service: 'unknown_service', options: (file) => ['--config', file] },
]

const tried = async (checks: Checks, product: Product, { name, command, file, service, options }: Shipper): Promise<void> => {
  const found = runStep(command, ['--version'], { timeoutMs: 20_000 })
  if (!found.ok) {
    checks.skip(`${name} itself with deploy/clients/${file}`, found.reason)
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-shipper-'))
  mkdirSync(join(directory, 'data', command), { recursive: true })
  const log = join(directory, 'a.log')
  writeFileSync(log, '')
  const text = readFileSync(new URL(`../../deploy/clients/${file}`, import.meta.url), 'utf8')
    .replaceAll('/var/log/app/', `${directory}/`)
    .replaceAll('/var/lib/', `${directory}/data/`)
  const configuration = join(directory, file)
  writeFileSync(configuration, text)
  const { hostname, port, origin } = new URL(product.addresses().otlp)
  const running = startProgram(command, options(configuration), {
    cwd: directory,
    env: { LAPWING_OTLP_URL: origin, LAPWING_TOKEN: product.token, LAPWING_HOST: hostname, LAPWING_PORT: port },
  })
  try {
    let line = 0
    await checks.check(`${name}: what is appended to a file is found, by deploy/clients/${file}`, () =>
      until('a line is found', 40_000, async () => {
        if (running.child.exitCode !== null) throw new Error(running.output().slice(-300))
        appendFileSync(log, `tailed by ${command} ${line++}\n`)
        return (await messages(product, service)).some((message) => message.startsWith(`tailed by ${command}`))
      }),
    )
  } finally {
    await running.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

export const shippers: LiveSuite = {
  name: 'Vector and Fluent Bit',
  run: async (checks) => {
    const product = createProduct()
    try {
      await product.start()
      await played(checks, product)
      for (const shipper of SHIPPERS) await tried(checks, product, shipper)
    } finally {
      await product.dispose()
    }
  },
}
