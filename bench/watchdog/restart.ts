// The whole checkpoint through a real ClickHouse and back: time, bytes on the disk, and whether what comes back is what was.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createSurpriseBytes } from '../../analytics/anomaly/surprise/bytes.ts'
import { loadCheckpoint, saveCheckpoint } from '../../analytics/watchdog/checkpoint.ts'
import { WHOLE } from '../../analytics/watchdog/read-partials.ts'
import type { ServiceState } from '../../analytics/watchdog/service-state.ts'
import { createClickHouse } from '../../clickhouse/client.ts'
import { startLocalClickHouse } from '../../clickhouse/local/local.ts'
import { migrate } from '../../clickhouse/migrate.ts'

export interface RestartReport {
  readonly savedSeconds: number
  readonly loadedSeconds: number
  readonly loadCpuSeconds: number
  readonly storedBytes: number
  readonly same: boolean
}

const secondsOf = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const begunMs = performance.now()
  return [await work(), (performance.now() - begunMs) / 1000]
}

/** Every calibrated detector is stored: what a series may bring at most. */
export const restart = async (services: readonly ServiceState[]): Promise<RestartReport> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-bench-watchdog-'))
  const local = await startLocalClickHouse({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    maxMemoryBytes: 2 * 1024 ** 3,
    readerPassword: 'reader',
    database: 'lapwing',
    log: { info: () => {}, warn: () => {} },
  })
  const clickhouse = createClickHouse({ url: local.url, user: local.user, password: local.password, database: 'lapwing' })
  try {
    await migrate(clickhouse)
    for (const { periods } of services) for (const series of Object.values(periods)) Object.assign(series, { storedAs: null, since: null })
    const [, savedSeconds] = await secondsOf(() => saveCheckpoint(clickhouse, WHOLE, { generation: 1_000, cursors: [], services }))
    const before = process.cpuUsage()
    const [loaded, loadedSeconds] = await secondsOf(() => loadCheckpoint(clickhouse, WHOLE, createSurpriseBytes()))
    const cpu = process.cpuUsage(before)
    const byName = new Map(loaded.services.map((state) => [`${state.tenant} ${state.service}`, state]))
    const [{ bytes }] = await clickhouse.query<{ bytes: string }>(
      {
        name: 'all_tenants.bench',
        sql: "SELECT toString(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE active AND database = currentDatabase() AND table LIKE 'watchdog_%'",
      },
      {},
    )
    return {
      savedSeconds,
      loadedSeconds,
      loadCpuSeconds: (cpu.user + cpu.system) / 1e6,
      storedBytes: Number(bytes),
      same:
        loaded.services.length === services.length &&
        services.every((state) => isDeepStrictEqual(byName.get(`${state.tenant} ${state.service}`), state)),
    }
  } finally {
    await clickhouse.close()
    await local.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
