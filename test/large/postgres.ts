// The control plane on a PostgreSQL server: the store's contract, what only a server can do, the tests of the API and its services, and
// the whole product. Without a server's binaries it is skipped by name; on a machine of CI they are installed.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createPostgresServer, findPostgresBinaries } from '../support/postgres-server.ts'
import { runProject, type Counts } from './vitest-project.ts'

const install = (): void => {
  if (process.getuid?.() !== 0 || process.env.CI === undefined || !existsSync('/usr/bin/apt-get')) return
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 5 * 60_000,
    })
  if (apt('install', '-y', 'postgresql').status !== 0) {
    apt('update')
    apt('install', '-y', 'postgresql')
  }
}

const test = async (bin: string): Promise<Counts> => {
  const server = await createPostgresServer(bin)
  try {
    await server.start()
    return await runProject('postgres', { LAPWING_TEST_DATABASE_URL: server.url })
  } finally {
    await server.dispose()
  }
}

const { values } = parseArgs({ options: { results: { type: 'string' } } })
if (findPostgresBinaries() === null) install()
const bin = findPostgresBinaries()
if (bin === null)
  console.log('skipped: PostgreSQL (no initdb and postgres on this machine; the same contract runs on PGlite in the unit suite)')
const counts = bin === null ? { passed: 0, failed: 0, skipped: 1 } : await test(bin)
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(counts))
process.exitCode = counts.failed === 0 ? 0 : 1
