import { defineConfig } from 'vitest/config'

// Three suites: unit needs nothing but this process, integration opens real stores, e2e spawns the product.
// `test/large/postgres.ts` starts a PostgreSQL server for a fourth.
const project = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, testTimeout, hookTimeout: 60_000, pool: 'forks' as const, exclude: ['**/node_modules/**'] },
})

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', ['test/{streams,ingest,analytics,clickhouse,api,contract,process,scripts}/**/*.test.ts', 'test/*.test.ts'], 30_000),
      project('integration', ['test/integration/**/*.test.ts'], 60_000),
      project('e2e', ['test/e2e/**/*.test.ts'], 180_000),
      ...(process.env.LAPWING_TEST_DATABASE_URL === undefined ? [] : [project('postgres', ['test/large/postgres/*.test.ts', 'test/api/**/*.test.ts'], 60_000)]),
    ],
  },
})
