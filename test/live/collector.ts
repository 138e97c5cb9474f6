// The OpenTelemetry Collector, built once with its own builder: through it, every record is stored once and as it was given to
// the Collector, in every compression that it can send and in both encodings; from a file too, and over our absence.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import { findCollector } from '../../bench/peers/programs.ts'
import { encodeRequest } from '../support/otlp-encode.ts'
import type { TestRecord } from '../support/otlp-encode.ts'
import { referenceRows } from '../support/otlp-reference.ts'
import type { ReferenceRow } from '../support/otlp-reference.ts'
import { readStoredRequests } from '../support/stored-rows.ts'
import { expectEqual, expectRows, type Checks, type LiveSuite } from './checks.ts'
import { freePorts } from '../support/free-port.ts'
import { startProgram, type Running } from './program.ts'

const COMPRESSIONS = ['gzip', 'none', 'zstd', 'deflate', 'zlib', 'snappy', 'x-snappy-framed', 'lz4']
const CASES = ['proto', 'json'].flatMap((encoding) =>
  COMPRESSIONS.map((compression) => ({ name: `${encoding} ${compression}`, encoding, compression })),
)
const REQUESTS = 3
const RECORDS = 200
const DAY_MS = 86_400_000

const nameOf = (text: string): string => text.replaceAll(/[^a-z0-9]/g, '_')

/** One receiver, pipeline and exporter for each case. Its configuration is YAML, of which JSON is a part. */
const configuration = (product: Product, ports: readonly number[], file: string): object => {
  const retries = { retry_on_failure: { initial_interval: '500ms' } }
  const exporter = (encoding: string, compression: string) => ({
    endpoint: product.addresses().otlp,
    headers: { Authorization: `Bearer ${product.token}` },
    encoding,
    compression,
    ...retries,
  })
  return {
    receivers: {
      ...Object.fromEntries(
        CASES.map(({ name }, index) => [`otlp/${nameOf(name)}`, { protocols: { http: { endpoint: `127.0.0.1:${ports[index]}` } } }]),
      ),
      file_log: { include: [file], start_at: 'beginning', poll_interval: '100ms' },
    },
    processors: { batch: { timeout: '100ms' } },
    exporters: {
      ...Object.fromEntries(CASES.map(({ name, encoding, compression }) => [`otlp_http/${nameOf(name)}`, exporter(encoding, compression)])),
      'otlp_http/file': exporter('proto', 'gzip'),
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        ...Object.fromEntries(
          CASES.map(({ name }) => [
            `logs/${nameOf(name)}`,
            { receivers: [`otlp/${nameOf(name)}`], processors: ['batch'], exporters: [`otlp_http/${nameOf(name)}`] },
          ]),
        ),
        'logs/file': { receivers: ['file_log'], exporters: ['otlp_http/file'] },
      },
    },
  }
}

/** Every kind of value, and numbers that a double does not hold. */
const toRecord = (index: number, timeNs: bigint): TestRecord => ({
  timeUnixNano: timeNs + BigInt(index),
  observedTimeUnixNano: timeNs + BigInt(index) + 1n,
  severityNumber: 1 + (index % 24),
  severityText: `level ${index % 24}`,
  eventName: index % 3 === 0 ? 'order.failed' : '',
  traceId: Buffer.from((index + 1).toString(16).padStart(32, 'a'), 'hex'),
  spanId: Buffer.from((index + 1).toString(16).padStart(16, 'b'), 'hex'),
  flags: 1,
  body:
    index % 2 === 0
      ? { stringValue: `order ${index} of "grüß" \\ failed\n\tat <shop>` }
      : {
          kvlistValue: {
            values: [
              { key: 'order', value: { intValue: BigInt(index) } },
              { key: 'lines', value: { arrayValue: { values: [{ stringValue: 'a' }, { boolValue: true }, {}] } } },
            ],
          },
        },
  attributes: [
    { key: 'index', value: { intValue: BigInt(index) } },
    { key: 'largest', value: { intValue: (1n << 63n) - 1n } },
    { key: 'smallest', value: { intValue: -(1n << 63n) } },
    { key: 'ratio', value: { doubleValue: index / 7 } },
    { key: 'again', value: { boolValue: index % 2 === 0 } },
    { key: 'raw', value: { bytesValue: Uint8Array.of(0, 255, index % 256) } },
    { key: 'empty', value: { stringValue: '' } },
    { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { doubleValue: 1.5 }] } } },
    { key: 'nested', value: { kvlistValue: { values: [{ key: 'deep', value: { intValue: 2n ** 60n } }] } } },
  ],
})

const bodiesOf = (service: string): Uint8Array[] => {
  const timeNs = BigInt(Date.now() - 60_000) * 1_000_000n + 123_456n
  return Array.from({ length: REQUESTS }, (_, request) =>
    encodeRequest({
      resourceLogs: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: service } },
              { key: 'host.name', value: { stringValue: 'host-1' } },
            ],
          },
          schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
          scopeLogs: [
            {
              scope: { name: 'shop', version: '2.1', attributes: [{ key: 'part', value: { stringValue: 'test' } }] },
              logRecords: Array.from({ length: RECORDS }, (_record, index) => toRecord(request * RECORDS + index, timeNs)),
            },
          ],
        },
      ],
    }),
  )
}

/** The Collector merges requests, so the place in a request says nothing. */
const byIndex = (rows: readonly ReferenceRow[]): ReferenceRow[] =>
  rows.map((row) => ({ ...row, record_index: 0 })).sort((a, b) => Number(a.LogAttributes.index) - Number(b.LogAttributes.index))
const storedOf = async (product: Product, service: string): Promise<ReferenceRow[]> =>
  (await readStoredRequests(product.select, `ServiceName = '${service}'`)).flat()

const sendTo = async (port: number, bodies: readonly Uint8Array[]): Promise<void> => {
  for (const body of bodies) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body,
    })
    expectEqual('answer of the Collector', answer.status, 200)
  }
}
const expectStored = async (product: Product, service: string, bodies: readonly Uint8Array[]): Promise<void> => {
  const wanted = bodies.flatMap((body) => referenceRows(body, { receivedAtMs: Date.now(), maxAheadMs: DAY_MS, retentionMs: 30 * DAY_MS }))
  await until('the records are stored', 30_000, async () => (await storedOf(product, service)).length >= wanted.length, 250)
  expectRows(byIndex(await storedOf(product, service)), byIndex(wanted))
}

const checkFile = async (product: Product, file: string): Promise<void> => {
  const lines = Array.from({ length: 300 }, (_, index) => `line ${String(index).padStart(3, '0')} of a file`)
  for (const from of [0, 100, 200])
    appendFileSync(
      file,
      lines
        .slice(from, from + 100)
        .map((line) => `${line}\n`)
        .join(''),
    )
  await until('the lines are stored', 30_000, async () => (await storedOf(product, 'unknown_service')).length >= lines.length, 250)
  const rows = await storedOf(product, 'unknown_service')
  expectEqual('lines', rows.map((row) => row.Body).sort(), lines)
  expectEqual('attributes', rows[0].LogAttributes, { 'log.file.name': 'shop.log' })
}

const runChecks = async (checks: Checks, product: Product, collector: Running, ports: readonly number[], file: string): Promise<void> => {
  const answers = async (): Promise<boolean> => {
    if (collector.child.exitCode !== null) throw new Error(collector.output().slice(-500))
    return (
      await fetch(`http://127.0.0.1:${ports.at(-1)}/v1/logs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
    ).ok
  }
  if (!(await checks.check('it starts', () => until('its receivers answer', 20_000, answers)))) return
  for (const [index, { name }] of CASES.entries()) {
    await checks.check(`${name}: ${REQUESTS * RECORDS} records are stored once and as they were given to it`, async () => {
      const bodies = bodiesOf(`collector ${name}`)
      await sendTo(ports[index], bodies)
      await expectStored(product, `collector ${name}`, bodies)
    })
  }
  await checks.check('every line of a growing file is stored once', () => checkFile(product, file))
  await checks.check(
    'while we are away it keeps its records, and sends them once we are back',
    async () => {
      await product.stop()
      const bodies = bodiesOf('collector away')
      await sendTo(ports[0], bodies)
      await until('it was refused', 15_000, () => /connection refused/.test(collector.output()))
      await product.start()
      await expectStored(product, 'collector away', bodies)
    },
    90_000,
  )
}

/** The configuration that others copy, as it is. */
const checkDeployed = async (checks: Checks, product: Product, binary: string): Promise<void> => {
  const [port] = await freePorts(1)
  const running = startProgram(binary, ['--config', fileURLToPath(new URL('../../deploy/clients/otel-collector.yaml', import.meta.url))], {
    env: { COLLECTOR_LISTEN: `127.0.0.1:${port}`, LAPWING_OTLP_URL: product.addresses().otlp, LAPWING_TOKEN: product.token },
  })
  try {
    await checks.check('deploy/clients/otel-collector.yaml delivers what it is given', async () => {
      await until('it answers', 20_000, async () => {
        if (running.child.exitCode !== null) throw new Error(running.output().slice(-500))
        return (
          await fetch(`http://127.0.0.1:${port}/v1/logs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
        ).ok
      })
      const bodies = bodiesOf('collector deployed')
      await sendTo(port, bodies)
      await expectStored(product, 'collector deployed', bodies)
    })
  } finally {
    await running.stop()
  }
}

export const collector: LiveSuite = {
  name: 'OpenTelemetry Collector',
  run: async (checks) => {
    const binary = findCollector()
    if (!binary.ok) {
      checks.skip('OpenTelemetry Collector', binary.reason)
      return
    }
    const directory = mkdtempSync(join(tmpdir(), 'lapwing-collector-'))
    const [otlpPort, ...ports] = await freePorts(CASES.length + 1)
    const product = createProduct({ env: { LAPWING_OTLP_LISTEN: `127.0.0.1:${otlpPort}` } })
    let running: Running | null = null
    try {
      await product.start()
      const [config, file] = [join(directory, 'config.yaml'), join(directory, 'shop.log')]
      writeFileSync(config, JSON.stringify(configuration(product, ports, file)))
      running = startProgram(binary.client, ['--config', config])
      await runChecks(checks, product, running, ports, file)
      await checkDeployed(checks, product, binary.client)
    } finally {
      await running?.stop()
      await product.dispose()
      rmSync(directory, { recursive: true, force: true })
    }
  },
}
