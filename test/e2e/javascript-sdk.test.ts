// The OpenTelemetry JavaScript SDK in a program of its own, told where to send by the very lines that the product printed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import type { ReferenceRow } from '../support/otlp-reference.ts'
import { readStoredRequests } from '../support/stored-rows.ts'

// No token from outside: only then the product makes one and prints it.
const product = await createMigratedProduct({ env: { LAPWING_BOOTSTRAP_TOKEN: '' } })
const program = join(import.meta.dirname, '../programs/javascript-sdk.mjs')
const RECORDS = 40
const exportLines = (): string[] =>
  product
    .output()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('export '))
beforeAll(async () => {
  await product.start()
  // It may be ready a moment before what it prints has come through the pipe.
  await until('the lines are printed', 15_000, () => exportLines().length > 0)
})
afterAll(() => product.dispose())

const runProgram = async (lines: readonly string[], timeMs: number): Promise<void> => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')))
  const child = spawn('sh', ['-c', [...lines, 'exec "$0" "$@"'].join('\n'), process.execPath, program, String(RECORDS), String(timeMs)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  const [code] = (await once(child, 'exit')) as [number | null]
  expect([code, output]).toEqual([0, ''])
}

const expectedRow = (service: string, timeMs: number, index: number): ReferenceRow => ({
  Timestamp: BigInt(timeMs + index) * 1_000_000n,
  ObservedTimestamp: BigInt(timeMs + index + 1) * 1_000_000n,
  TraceId: (index + 1).toString(16).padStart(32, 'a'),
  SpanId: (index + 1).toString(16).padStart(16, 'b'),
  TraceFlags: 1,
  SeverityText: 'ERROR',
  SeverityNumber: 17,
  ServiceName: service,
  Body: index % 2 === 0 ? `order ${index} failed` : `{"lines":["a",2,true,null],"order":${index}}`,
  ResourceSchemaUrl: '',
  ResourceAttributes: { 'service.name': service, pid: '77' },
  ScopeSchemaUrl: '',
  ScopeName: 'shop',
  ScopeVersion: '2.1',
  ScopeAttributes: {},
  EventName: 'order.failed',
  record_index: index,
  LogAttributes: {
    index: String(index),
    ratio: '0.5',
    big: '9007199254740991',
    again: String(index % 2 === 0),
    tags: '["a","b"]',
    'greeting.text': 'grüß dich',
  },
})

it('prints four lines to paste: address, token, protocol, and what is not taken', () => {
  expect(exportLines().map((line) => line.replace(/=.*/, ''))).toEqual([
    'export OTEL_EXPORTER_OTLP_ENDPOINT',
    'export OTEL_EXPORTER_OTLP_HEADERS',
    'export OTEL_EXPORTER_OTLP_PROTOCOL',
    'export OTEL_METRICS_EXPORTER',
  ])
})

it.each([
  ['protobuf', []],
  ['protobuf, gzip', ['export OTEL_EXPORTER_OTLP_COMPRESSION=gzip']],
  ['json', ['export OTEL_EXPORTER_OTLP_PROTOCOL=http/json']],
  ['json, gzip', ['export OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_COMPRESSION=gzip']],
])('%s: every record of the program is stored once and as it was logged', async (name, more) => {
  const service = `shop ${name}`
  const timeMs = Date.now() - 60_000
  await runProgram([...exportLines(), `export OTEL_SERVICE_NAME='${service}'`, ...more], timeMs)
  const stored = async (): Promise<ReferenceRow[]> => (await readStoredRequests(product.select, `ServiceName = '${service}'`)).flat()
  await until('the records are stored', 15_000, async () => (await stored()).length >= RECORDS)
  expect(await stored()).toEqual(Array.from({ length: RECORDS }, (_, index) => expectedRow(service, timeMs, index)))
})
