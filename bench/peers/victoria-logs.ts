// VictoriaLogs: one binary that takes OTLP and stores what can be queried, as ours does. It answers before it writes: by its own default
// what came in the last five seconds is in memory only.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/free-port.ts'
import { startProgram } from '../../test/live/program.ts'
import { PROBE, type Contestant } from '../contestants/contestant.ts'
import { ATTEMPT_DIGITS, attemptId } from '../load/body.ts'
import { until } from '../load/product.ts'
import { untilArrived } from '../measure/counts.ts'

const READY_MS = 20_000

export const createVictoriaLogs = (binary: string): Contestant => ({
  name: 'VictoriaLogs',
  durability: 'memory',
  notes: ['records are counted in its own language; their content is not compared'],
  open: async (scope) => {
    const directory = mkdtempSync(join(tmpdir(), 'lapwing-victoria-'))
    scope.onClose(() => rmSync(directory, { recursive: true, force: true }))
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const running = startProgram(binary, [`-storageDataPath=${directory}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=30d'])
    scope.onClose(() => running.stop())
    await until('VictoriaLogs answers', READY_MS, async () => {
      if (running.child.exitCode !== null) throw new Error(running.output().slice(-1000))
      return (await fetch(`${url}/health`)).ok
    })
    const query = async (logsQl: string): Promise<Record<string, string>[]> => {
      const response = await fetch(`${url}/select/logsql/query`, { method: 'POST', body: new URLSearchParams({ query: logsQl }) })
      const text = await response.text()
      if (!response.ok) throw new Error(text.slice(0, 1000))
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, string>)
    }
    return {
      // The stream fields that its documentation recommends for OTLP: those of the resource, which is its default.
      url,
      path: '/insert/opentelemetry/v1/logs',
      token: 'none',
      directory,
      parts: { pipeline: { pid: running.child.pid! } },
      arrived: (records) => untilArrived(async () => Number((await query('_time:1d | count() as records'))[0].records), records),
      attempts: async (_corpus, run) => {
        // On the disk, too, before anybody looks there.
        await fetch(`${url}/internal/force_flush`)
        return (
          await query(
            `_time:1d "attempt.id":"${attemptId(run, 0).slice(0, -ATTEMPT_DIGITS)}"* | stats by ("attempt.id") count() as records, count_uniq("attempt.index") as distinct`,
          )
        ).map((row) => ({
          attempt: Number(row['attempt.id'].slice(-ATTEMPT_DIGITS)),
          records: Number(row.records),
          distinct: Number(row.distinct),
          isAltered: false,
        }))
      },
      probes: async () =>
        (await query(`_time:1d "service.name":="${PROBE.service}-0" | uniq by ("attempt.id")`)).map((row) =>
          Number(row['attempt.id'].slice(-ATTEMPT_DIGITS)),
        ),
    }
  },
})
