// The control plane on a PostgreSQL server: the store's contract, what only a server can do, the tests of the API and its services, and
// the whole product. Without a server's binaries it is skipped by name; on a machine of CI they are installed.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createPostgresServer, findPostgresBinaries } from '../support/postgres-server.ts'

interface Counts { passed: number; failed: number; skipped: number }

const install = (): void => {
  if (process.getuid?.() !== 0 || process.env.CI === undefined || !existsSync('/usr/bin/apt-get')) return
  const apt = (...args: string[]) => spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 5 * 60_000 })
  if (apt('install', '-y', 'postgresql').status !== 0) {
    apt('update')
    apt('install', '-y', 'postgresql')
  }
}

const test = async (bin: string): Promise<Counts> => {
  const server = await createPostgresServer(bin)
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-postgres-results-'))
  const report = join(directory, 'report.json')
  try {
    await server.start()
    // Not synchronously: this process drains what the server writes of its errors, and a server whose pipe is full stands still.
    const run = spawn('npx', ['--no-install', 'vitest', 'run', '--no-color', '--project', 'postgres', '--no-file-parallelism', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`],
      { stdio: 'inherit', env: { ...process.env, LAPWING_TEST_DATABASE_URL: server.url } })
    const [status] = await once(run, 'exit') as [number | null]
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>
    // A file that fails to load has no failed test of its own.
    return { passed: numPassedTests, failed: status === 0 ? 0 : Math.max(1, numFailedTests), skipped: numPendingTests }
  } finally {
    await server.dispose()
    rmSync(directory, { recursive: true, force: true })
  }
}

const { values } = parseArgs({ options: { results: { type: 'string' } } })
if (findPostgresBinaries() === null) install()
const bin = findPostgresBinaries()
if (bin === null) console.log('skipped: PostgreSQL (no initdb and postgres on this machine; the same contract runs on PGlite in the unit suite)')
const counts = bin === null ? { passed: 0, failed: 0, skipped: 1 } : await test(bin)
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
process.exitCode = counts.failed === 0 ? 0 : 1
