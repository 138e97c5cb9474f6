import { defineConfig } from 'vitest/config'

// Three suites: unit needs nothing but this process, integration opens real stores, e2e spawns the product.
// `test/large/postgres.ts` starts a PostgreSQL server for a fourth.
/** Tests beside the unit tests that start processes of their own: they run with those that open real stores. */
const PROCESSES = ['test/analytics/pool/decode-child.test.ts', 'test/streams/embedded/kill.test.ts', 'test/ingest/ingest-thread.test.ts']

// Unit tests of a worker share its process: a process for each file cost half of the time.
const project = (name: string, include: string[], testTimeout: number, isolate = true) => ({
  test: { name, include, testTimeout, isolate, hookTimeout: 60_000, pool: 'forks' as const, exclude: ['**/node_modules/**', ...(name === 'unit' ? PROCESSES : [])] },
})

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', ['test/{streams,ingest,analytics,clickhouse,api,contract,process,scripts}/**/*.test.ts', 'test/*.test.ts'], 30_000, false),
      project('integration', ['test/integration/**/*.test.ts', ...PROCESSES], 60_000),
      project('e2e', ['test/e2e/**/*.test.ts'], 180_000),
      ...(process.env.LAPWING_TEST_DATABASE_URL === undefined ? [] : [project('postgres', ['test/large/postgres/*.test.ts', 'test/api/**/*.test.ts'], 60_000)]),
    ],
  },
})
