// The OpenTelemetry Python SDK, installed from PyPI into a virtual environment: what its program logs is stored once and as it
// was logged, and what we refuse for a moment is sent again and not lost.
import { connect } from 'node:net'
import { join } from 'node:path'
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import type { ReferenceRow } from '../support/otlp-reference.ts'
import { readStoredRequests } from '../support/stored-rows.ts'
import { expectEqual, expectRows, type Checks, type LiveSuite } from './checks.ts'
import { findPythonPackages, startProgram, type Found } from './program.ts'

const VERSION = '1.45.0'
const packages = [
  `opentelemetry-sdk==${VERSION}`,
  `opentelemetry-exporter-otlp-proto-http==${VERSION}`,
  'opentelemetry-instrumentation-logging==0.66b0',
]
const program = join(import.meta.dirname, '../programs/python_sdk.py')
const RECORDS = 100

const findPython = (): Found<string> => {
  const environment = findPythonPackages(`python-sdk-${VERSION}`, packages, 'opentelemetry.sdk')
  return environment.ok ? { ok: true, client: join(environment.client, 'bin/python') } : environment
}

const row = (service: string, timeNs: bigint, index: number): ReferenceRow => ({
  Timestamp: timeNs + BigInt(index),
  ObservedTimestamp: timeNs + BigInt(index + 1),
  TraceId: (index + 1).toString(16).padStart(32, 'a'),
  SpanId: (index + 1).toString(16).padStart(16, 'b'),
  TraceFlags: 1,
  SeverityText: 'ERROR',
  SeverityNumber: 17,
  ServiceName: service,
  Body: index % 2 === 0 ? `order ${index} failed` : `{"lines":["a",2,true,null],"order":${index}}`,
  ResourceSchemaUrl: '',
  ResourceAttributes: {
    'service.name': service,
    'service.instance.id': 'i-1',
    pid: '77',
    'telemetry.sdk.language': 'python',
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.version': VERSION,
  },
  ScopeSchemaUrl: '',
  ScopeName: 'shop',
  ScopeVersion: '2.1',
  ScopeAttributes: {},
  EventName: 'order.failed',
  record_index: index,
  LogAttributes: {
    index: String(index),
    ratio: '0.5',
    big: '9223372036854775807',
    again: String(index % 2 === 0),
    tags: '["a","b"]',
    raw: 'AP8=',
    'greeting.text': 'grüß dich',
  },
})

const runProgram = async (
  python: string,
  product: Product,
  service: string,
  timeNs: bigint,
  env: Record<string, string>,
): Promise<void> => {
  const run = startProgram(python, [program, String(RECORDS), String(timeNs)], {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: product.addresses().otlp,
      OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${product.token}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_SERVICE_NAME: service,
      ...env,
    },
  })
  expectEqual('exit code', await run.ended(40_000), 0)
}

const expectStored = async (product: Product, service: string, timeNs: bigint): Promise<void> => {
  const stored = async (): Promise<ReferenceRow[]> => (await readStoredRequests(product.select, `ServiceName = '${service}'`)).flat()
  await until('the records are stored', 15_000, async () => (await stored()).length > RECORDS)
  const rows = await stored()
  expectRows(
    rows.filter((one) => one.ScopeName === 'shop'),
    Array.from({ length: RECORDS }, (_, index) => row(service, timeNs, index)),
  )
  const [plain] = rows.filter((one) => one.ScopeName === 'shop.plain')
  expectEqual(
    'the record of Python logging',
    [plain.Body, plain.SeverityText, plain.SeverityNumber, plain.LogAttributes],
    ['order 7 is late', 'WARN', 13, { 'order.id': '7' }],
  )
  expectEqual('number of rows', rows.length, RECORDS + 1)
}

/** Takes all the room for bytes in flight, by a body that is announced and does not come, for `ms`. */
const occupy = (product: Product, bytes: number, ms: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(product.addresses().otlp)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on('error', reject)
    socket.write(
      `POST /v1/logs HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${product.token}\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${bytes}\r\n\r\n`,
    )
    setTimeout(() => {
      socket.destroy()
    }, ms)
    setTimeout(resolve, 200)
  })

/** Two such bodies are all that is taken at a time. */
const MAX_BODY = 512 * 1024

export const pythonSdk: LiveSuite = {
  name: 'OpenTelemetry Python SDK',
  run: async (checks: Checks) => {
    const python = findPython()
    if (!python.ok) {
      checks.skip('OpenTelemetry Python SDK', python.reason)
      return
    }
    const product = createProduct({
      env: {
        LAPWING_MAX_INFLIGHT_BYTES: String(2 * MAX_BODY),
        LAPWING_MAX_BODY_BYTES: String(MAX_BODY),
        LAPWING_MAX_INFLATED_BYTES: String(MAX_BODY),
      },
    })
    try {
      await product.start()
      for (const compression of ['none', 'gzip']) {
        await checks.check(`protobuf, ${compression}: every record is stored once and as it was logged`, async () => {
          const timeNs = BigInt(Date.now() - 60_000) * 1_000_000n + 123_456n
          await runProgram(python.client, product, `python ${compression}`, timeNs, { OTEL_EXPORTER_OTLP_COMPRESSION: compression })
          await expectStored(product, `python ${compression}`, timeNs)
        })
      }
      await checks.check('refused with 503 and Retry-After for 2 s, it sends again and nothing is lost or doubled', async () => {
        const timeNs = BigInt(Date.now() - 60_000) * 1_000_000n
        await Promise.all([1, 2].map(() => occupy(product, MAX_BODY - 512, 2500)))
        await runProgram(python.client, product, 'python again', timeNs, {})
        const metrics = await (await product.api('/metrics')).text()
        if (!/^lapwing_ingest_refused_total\{signal="otlp_logs",code="OVERLOADED"\} [1-9]/m.test(metrics))
          throw new Error('nothing was refused')
        await expectStored(product, 'python again', timeNs)
      })
    } finally {
      await product.dispose()
    }
  },
}
