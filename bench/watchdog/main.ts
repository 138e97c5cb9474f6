// Questions: what does the watchdog cost with as many series as one worker may have, what does it write to be able to go on, and how long
// does it take to? And by the same readers: how often do they speak where nothing is wrong, and what do they find that lasts?
// `--series N`, `--buckets N`, `--days N`, `--seed N`, `--json FILE`; `--store` writes and reads the checkpoint through a real ClickHouse.
// Exits with 1 when a bucket of all series costs more than a tenth of a core, or healthy traffic has more than 0.02 alarms a day and series.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { saveCheckpoint } from '../../analytics/watchdog/checkpoint.ts'
import { WHOLE } from '../../analytics/watchdog/read-partials.ts'
import { judgeFault, judgeHealthy, START_MS } from './judged.ts'
import { createPopulation, SERIES_PER_SERVICE } from './population.ts'
import { restart } from './restart.ts'
import { SLOW_FAULTS } from './traffic.ts'

const { values } = parseArgs({
  options: {
    series: { type: 'string', default: '50000' },
    buckets: { type: 'string', default: '36' },
    days: { type: 'string', default: '14' },
    seed: { type: 'string', default: '9101' },
    json: { type: 'string' },
    store: { type: 'boolean', default: false },
  },
})
const BUCKETS_A_MINUTE = 6
const BUDGET = { share: 0.1, alarms: 0.02 }
const BUCKET_SECONDS = 10

const cpuOf = async (work: () => void | Promise<void>): Promise<number> => {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

const series = Number(values.series)
const population = createPopulation(series, START_MS)
for (let i = 0; i < 36; i++) population.bucket()
const checkpoints: { bytes: number; calibrations: number; cpu: number }[] = []
const costs: number[] = []
for (let i = 0; i < Number(values.buckets); i++) {
  costs.push(await cpuOf(population.bucket))
  if (i % BUCKETS_A_MINUTE !== BUCKETS_A_MINUTE - 1) continue
  const written = { bytes: 0, calibrations: 0 }
  const cpu = await cpuOf(() =>
    saveCheckpoint(
      {
        // As the client would send them.
        insertRows: async ({ table, rows }) => {
          for (const row of rows) written.bytes += Buffer.byteLength(JSON.stringify(row)) + 1
          if (table === 'watchdog_calibrations') written.calibrations += rows.length
        },
      },
      WHOLE,
      { generation: 2 + i, cursors: [], services: population.services },
    ),
  )
  checkpoints.push({ ...written, cpu })
}
const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length
const cost = {
  series,
  cpuSecondsPerBucket: mean(costs),
  worstCpuSecondsPerBucket: Math.max(...costs),
  shareOfACore: mean(costs) / BUCKET_SECONDS,
  checkpointBytesPerMinute: mean(checkpoints.map((one) => one.bytes)),
  calibrationsPerMinute: mean(checkpoints.map((one) => one.calibrations)),
  checkpointCpuSecondsPerMinute: mean(checkpoints.map((one) => one.cpu)),
}
const whole = cost.shareOfACore + cost.checkpointCpuSecondsPerMinute / 60
console.log(`${series} series (${Math.floor(series / SERIES_PER_SERVICE)} services), one worker:`)
console.log(
  `  a bucket of 10 s: ${cost.cpuSecondsPerBucket.toFixed(3)} CPU-s (at most ${cost.worstCpuSecondsPerBucket.toFixed(3)}), ${(100 * cost.shareOfACore).toFixed(1)} % of a core, ${((1e6 * cost.cpuSecondsPerBucket) / series).toFixed(2)} µs a series`,
)
console.log(
  `  a checkpoint a minute: ${(cost.checkpointBytesPerMinute / 1e6).toFixed(1)} MB with ${cost.calibrationsPerMinute.toFixed(0)} calibrated detectors, ${cost.checkpointCpuSecondsPerMinute.toFixed(2)} CPU-s; ${(100 * whole).toFixed(1)} % of a core with it`,
)
const restarted = values.store ? await restart(population.services) : null
if (restarted !== null)
  console.log(
    `  through ClickHouse: written in ${restarted.savedSeconds.toFixed(1)} s, ${(restarted.storedBytes / 1e6).toFixed(0)} MB on the disk; read in ${restarted.loadedSeconds.toFixed(1)} s (${restarted.loadCpuSeconds.toFixed(1)} CPU-s), ${restarted.same ? 'the same states' : 'NOT THE SAME STATES'}`,
  )

const healthy = judgeHealthy(Number(values.seed), { services: 15, scale: 1, amplitude: 6, jobs: 2 }, Number(values.days))
const alarms = (healthy.bursts + healthy.lasting) / healthy.seriesDays
console.log(
  `\nhealthy traffic, ${healthy.seriesDays} series-days: ${healthy.bursts} bursts and ${healthy.lasting} lasting deviations told, ${alarms.toFixed(4)} alarms a day and series`,
)
const faults = SLOW_FAULTS.map((fault) => judgeFault(Number(values.seed), { services: 12, scale: 3, amplitude: 6, jobs: 0 }, fault))
console.log('\n| what lasts | found by the rules of 10 s | with the second reader | median minutes |\n|---|---|---|---|')
for (const { name, services, byBurst, byEither, medianMinutes } of faults)
  console.log(`| ${name} | ${byBurst} of ${services} | ${byEither} | ${medianMinutes?.toFixed(0) ?? ''} |`)
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify({ cost, restarted, healthy: { seriesDays: healthy.seriesDays, bursts: healthy.bursts, lasting: healthy.lasting, alarmsPerSeriesDay: alarms }, faults }, null, 2)}\n`,
  )
const failed = [
  whole > BUDGET.share && 'more than a tenth of a core',
  alarms > BUDGET.alarms && 'more than 0.02 false alarms a day and series',
  restarted?.same === false && 'a restart changes states',
].filter((one) => one !== false)
for (const one of failed) console.log(`NOT AS IT SHOULD BE: ${one}`)
process.exitCode = failed.length === 0 ? 0 : 1
