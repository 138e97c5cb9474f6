// Question: what does one append of 1 KB cost this process up to the broker's acknowledgement, and how long does it take, at 5,000 a second
// that come one by one, into the partition that ingest would choose? Asserts that every append has a place of its own in the log. What the
// pace alone costs, measured on a log that does nothing, is taken off.
// Run: node bench/micro/kafka-append.ts [appends per second] [seconds]; it starts a broker of its own (Java and Maven), or uses KAFKA_BROKERS.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventLog } from '../../streams/contracts/event-log.ts'
import { createStickyPartition } from '../../ingest/sticky-partition.ts'
import { openKafka } from '../../streams/kafka/open-kafka.ts'
import { startKafka } from '../../test/support/kafka-broker.ts'

const [perSecond = 5000, seconds = 20] = process.argv.slice(2).map(Number)
/** The broker's compiler takes hundreds of thousands of messages to be done. */
const WARM_UP_SECONDS = 30
const WARM_UP_PER_SECOND = 4 * perSecond
const BYTES = 1024
const MAX_CPU_MICROS = 40
const MAX_P99_MS = 10

type Log = Pick<EventLog, 'append' | 'partitions'>
/** Takes all and keeps nothing. */
const createIdleLog = (partitions: number): Log => {
  const next = Array.from({ length: partitions }, () => 0)
  return { partitions, append: ({ partition }) => Promise.resolve({ partition, offset: next[partition]++ }) }
}

interface Ran {
  /** In ms, of each append. */
  readonly latencies: Float64Array
  /** In the log, of each append. */
  readonly places: Float64Array
}
const assertOwnPlaces = ({ places }: Ran): void => {
  const sorted = places.toSorted()
  if (sorted.some((place, at) => at > 0 && place === sorted[at - 1])) throw new Error('two appends have one place')
}

/** Appends begin when their time has come, however late the ones before are answered. */
const run = async (log: Log, count: number, rate: number): Promise<Ran> => {
  const latencies = new Float64Array(count)
  // Flat, and looked at afterwards: what a run keeps must not be what its garbage collections are about.
  const places = new Float64Array(count)
  let answered = 0
  let failure: unknown = null
  const body = Buffer.alloc(BYTES, 'a')
  const envelope = {
    signal: 'otlp_logs',
    format: 'protobuf',
    compression: 'identity',
    tenant: 'default',
    tokenId: 'token',
    receivedAtMs: 0,
    recordCount: 3,
    inflatedBytes: BYTES,
    expandedBytes: 2 * BYTES,
    rejected: [],
    subject: '',
  } as const
  const partitionOf = createStickyPartition({ partitions: log.partitions, first: 0 }, Date.now)
  const began = performance.now()
  for (let sent = 0; sent < count;) {
    const now = performance.now()
    for (const due = Math.min(count, ((now - began) / 1000) * rate); sent < due; sent++) {
      const at = sent
      const startedMs = began + (at / rate) * 1000
      log.append({ partition: partitionOf(2 * BYTES), envelope: { ...envelope, receivedAtMs: Date.now() }, body }).then(
        ({ partition, offset }) => {
          latencies[at] = performance.now() - startedMs
          places[at] = offset * log.partitions + partition
          answered++
        },
        (error: unknown) => {
          failure ??= error
        },
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  while (answered < count && failure === null) await new Promise((resolve) => setTimeout(resolve, 1))
  if (failure !== null) throw failure
  return { latencies, places }
}

const directory = mkdtempSync(join(tmpdir(), 'lapwing-bench-kafka-'))
const broker = process.env.KAFKA_BROKERS === undefined ? await startKafka({ directory, isMeasured: true }) : null
try {
  const log = await openKafka(
    {
      brokers: [process.env.KAFKA_BROKERS ?? broker!.brokers],
      client: process.env.KAFKA_CLIENT === 'kafkajs' ? 'kafkajs' : 'platformatic',
      clientId: 'lapwing-bench',
      topic: `lapwing.bench-${Date.now()}`,
      partitions: 8,
      replication: 1,
      retentionMs: 86_400_000,
      maxMessageBytes: 21 * 1024 * 1024,
      instanceId: null,
      tls: null,
      sasl: null,
    },
    {
      warn: (fields, message) => {
        console.error(message, fields)
      },
    },
  )
  const measure = async (on: Log): Promise<{ latencies: Float64Array; cpuMicros: number }> => {
    const before = process.cpuUsage()
    const ran = await run(on, perSecond * seconds, perSecond)
    const { user, system } = process.cpuUsage(before)
    assertOwnPlaces(ran)
    return { latencies: ran.latencies.toSorted(), cpuMicros: (user + system) / ran.latencies.length }
  }
  await run(log, WARM_UP_PER_SECOND * WARM_UP_SECONDS, WARM_UP_PER_SECOND)
  const pace = await measure(createIdleLog(log.partitions))
  const { latencies, cpuMicros: wholeMicros } = await measure(log)
  const kept = (await log.lag('bench')).reduce((sum, { end }) => sum + end, 0)
  if (kept !== WARM_UP_PER_SECOND * WARM_UP_SECONDS + perSecond * seconds) throw new Error(`the log has ${kept} messages`)
  const at = (part: number): number => Number(latencies[Math.floor(part * (latencies.length - 1))].toFixed(1))
  const cpuMicros = wholeMicros - pace.cpuMicros
  const passed = cpuMicros <= MAX_CPU_MICROS && at(0.99) < MAX_P99_MS
  console.log(
    JSON.stringify({
      bench: 'kafka-append',
      perSecond,
      seconds,
      bytes: BYTES,
      cpuMicrosPerAppend: Number(cpuMicros.toFixed(1)),
      paceMicros: Number(pace.cpuMicros.toFixed(1)),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
      goal: `<= ${MAX_CPU_MICROS} us, p99 < ${MAX_P99_MS} ms`,
      passed,
    }),
  )
  process.exitCode = passed ? 0 : 1
  await log.close()
} finally {
  await broker?.stop()
  rmSync(directory, { recursive: true, force: true })
}
