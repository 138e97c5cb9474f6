// Plays hostile requests at a running product while a good client goes on: no 5xx but a deliberate 503, no crash, flat
// memory, and every attempt of the good client that was acknowledged is stored once.
import { request as httpRequest } from 'node:http'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createCorpus } from '../../bench/load/body.ts'
import { openConnection, requestHead } from '../../bench/load/http-client.ts'
import { until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { createRandom, hostileRequest, type ApiRoute, type HostileRequest, type Random } from './bodies.ts'

export interface FuzzReport {
  readonly requests: number
  readonly statuses: Record<string, number>
  readonly faults: string[]
  readonly residentMiB: { readonly before: number; readonly after: number }
  readonly goodAcknowledged: number
}

const residentMiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
const GROWTH_MIB = 700
const SMALL_BYTES = 16 * 1024
/** Of what a good client sends beside it must be taken at once: for the rest it is asked to try again. */
const GOOD_SHARE = 0.9

const play = (product: Product, hostile: HostileRequest): Promise<number> =>
  new Promise((resolve) => {
    const base = new URL(product.addresses()[hostile.target])
    const sent = httpRequest(
      {
        host: base.hostname,
        port: base.port,
        method: hostile.method,
        path: hostile.path,
        headers: {
          authorization: `Bearer ${product.token}`,
          ...hostile.headers,
          ...(hostile.body === null ? {} : { 'content-length': hostile.body.length }),
        },
        timeout: 15_000,
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0)).on('error', () => resolve(0))
      },
    )
    sent.on('error', () => resolve(0)).on('timeout', () => sent.destroy())
    sent.end(hostile.body ?? undefined)
  })

/** Every operation of the API, as it tells of them itself, and MCP beside them. */
const readRoutes = async (product: Product): Promise<ApiRoute[]> => {
  const { paths } = (await (await product.api('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
  }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]): ApiRoute => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((one) => one.in === 'query').map(({ name }) => name),
    })),
  )
  return [...routes, { method: 'POST', path: '/mcp', query: [] }]
}
const DRIP_MS = 2000

/** A raw connection that lies about its length, goes away in the middle, sends rubbish, or a good body one byte after the other. */
const playRaw = (product: Product, random: Random): Promise<number> =>
  new Promise((resolve) => {
    const base = new URL(product.addresses()[random() < 0.7 ? 'otlp' : 'api'])
    const socket = connect(Number(base.port), base.hostname)
    socket.on('error', () => resolve(-1)).on('close', () => resolve(-1))
    if (random() < 0.2) {
      socket.write(`${requestHead('/v1/logs', base.host, product.token)}Content-Length: 100000\r\n\r\n`)
      const dripping = setInterval(() => socket.write('x'), 50)
      setTimeout(() => socket.destroy(), DRIP_MS)
      socket.on('close', () => clearInterval(dripping))
      return
    }
    socket.setTimeout(400, () => socket.destroy())
    const head = requestHead('/v1/logs', base.host, product.token)
    const texts = [
      `${head}Content-Length: 1000000\r\n\r\nabc`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `${head}Content-Length: -1\r\n\r\n`,
      '\x16\x03\x01\x02',
      'GET / HTTP/9.9\r\n\r\n',
      `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    ]
    socket.write(texts[Math.floor(random() * texts.length)])
  })

const startGoodClient = (product: Product): { acknowledged: Set<number>; attempts(): number; stop(): Promise<void> } => {
  const acknowledged = new Set<number>()
  const corpus = createCorpus({ records: 10, resources: 2, run: 'good' })
  const base = new URL(product.addresses().otlp)
  let attempts = 0
  let stopping = false
  const running = (async () => {
    const connection = openConnection(base.hostname, Number(base.port))
    for (; !stopping; attempts++) {
      const attempt = attempts
      if ((await connection.send(requestHead('/v1/logs', base.host, product.token), corpus.body(attempt, Date.now()))) === 200)
        acknowledged.add(attempt)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    connection.close()
  })()
  return {
    acknowledged,
    attempts: () => attempts,
    stop: async () => {
      stopping = true
      await running
    },
  }
}

export const runFuzz = async (options: { requests: number; seed: number; onProgress?: (line: string) => void }): Promise<FuzzReport> => {
  const product = await createMigratedProduct({ env: { LAPWING_LOG_LEVEL: 'warn' } })
  const random = createRandom(options.seed)
  const statuses: Record<string, number> = {}
  const faults: string[] = []
  let done = 0
  try {
    await product.start()
    const good = startGoodClient(product)
    const { pid } = product.addresses()
    const routes = await readRoutes(product)
    let before = 0
    const worker = async (): Promise<void> => {
      while (done < options.requests && faults.length < 20) {
        const index = done++
        if (index === Math.floor(options.requests / 5)) before = residentMiB(pid)
        if (random() < 0.01) {
          await playRaw(product, random)
          continue
        }
        const hostile = await hostileRequest(random, routes)
        const status = await play(product, hostile)
        statuses[status] = (statuses[status] ?? 0) + 1
        if (status >= 500 && status !== 503) faults.push(`${hostile.what} ${hostile.path.slice(0, 200)} answered ${status}`)
        // A large one may be answered and closed before it is sent.
        if (status === 0 && (hostile.body?.length ?? 0) < SMALL_BYTES)
          faults.push(`${hostile.what} ${hostile.path.slice(0, 200)} got no answer`)
        if (!product.running()) throw new Error(`the product ended at request ${index}: ${hostile.what}`)
        if (index % 1000 === 999)
          options.onProgress?.(`${index + 1}/${options.requests}  ${residentMiB(pid).toFixed(0)} MiB  ${JSON.stringify(statuses)}`)
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    await good.stop()
    if (good.acknowledged.size < GOOD_SHARE * good.attempts())
      faults.push(`the good client was refused ${good.attempts() - good.acknowledged.size} of ${good.attempts()} times`)
    const after = residentMiB(pid)
    if (after > before + GROWTH_MIB) faults.push(`memory grew from ${before.toFixed(0)} to ${after.toFixed(0)} MiB`)
    await until(
      "the good client's records",
      60_000,
      async () => {
        const rows = await product.select<{ id: string; rows: number }>(
          "SELECT LogAttributes['attempt.id'] AS id, count() AS rows FROM otel_logs WHERE id LIKE 'good%' GROUP BY id",
        )
        const exact = new Map(rows.map((row) => [Number(row.id.slice(-10)), Number(row.rows)]))
        return [...good.acknowledged].every((attempt) => exact.get(attempt) === 10)
      },
      500,
    ).catch((error: unknown) => faults.push(String(error)))
    return { requests: done, statuses, faults, residentMiB: { before, after }, goodAcknowledged: good.acknowledged.size }
  } catch (error) {
    faults.push(`${String(error)}\n${product.output().slice(-3000)}`)
    return { requests: done, statuses, faults, residentMiB: { before: 0, after: 0 }, goodAcknowledged: 0 }
  } finally {
    await product.dispose()
  }
}
