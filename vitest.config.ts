import { defineConfig } from 'vitest/config'

// Four suites: unit and long need nothing but this process, integration opens real stores, e2e spawns the product.
// `test/large/postgres.ts` starts a PostgreSQL server for one more, `test/cluster/main.ts` a cluster.
/** Tests beside the unit tests that want a process of their own: they start processes, measure the processor time or memory of their own,
 * or calculate for seconds, which takes three times as long where other tests have shaped what is compiled. They run with those that
 * open real stores. */
const ALONE = [
  'test/analytics/anomaly/detector.test.ts',
  'test/analytics/decode/decode.test.ts',
  'test/analytics/decode/differential.test.ts',
  'test/analytics/decode/hostile.test.ts',
  'test/analytics/pool/decode-child.test.ts',
  'test/analytics/pool/pool.test.ts',
  'test/analytics/watchdog/judge-metric.test.ts',
  'test/api/filter/parser.test.ts',
  'test/contract/pglite-store.test.ts',
  'test/ingest/ingest-thread.test.ts',
  'test/ingest/limits.test.ts',
  'test/ingest/split.test.ts',
  'test/scripts/dead-letters.test.ts',
  'test/streams/embedded/embedded-log.test.ts',
  'test/streams/embedded/kill.test.ts',
  'test/streams/embedded/threads.test.ts',
  'test/streams/inflate.test.ts',
  'test/streams/otlp/json-events.test.ts',
  'test/streams/otlp/split.test.ts',
]

/** Unit tests that take two to six seconds, most of them over a whole API: with them `npm run check` would not end within its minute on two cores. */
const LONG = [
  'test/analytics/anomaly/surprise.test.ts',
  'test/analytics/rca/rank.test.ts',
  'test/analytics/series/template-hash.test.ts',
  'test/api/access.test.ts',
  'test/api/audit-trail.test.ts',
  'test/api/detection.test.ts',
  'test/api/dry-run.test.ts',
  'test/api/errors.test.ts',
  'test/api/idempotency.test.ts',
  'test/api/limits.test.ts',
  'test/api/mcp/server.test.ts',
  'test/api/mutation-cap.test.ts',
  'test/api/openapi.test.ts',
  'test/api/patterns/generalise.test.ts',
  'test/api/plots/incident-graph.test.ts',
  'test/api/plugins/schemas.test.ts',
  'test/api/resolutions.test.ts',
  'test/api/resources.test.ts',
  'test/api/services/concurrent-changes.test.ts',
  'test/api/services/grouping.test.ts',
  'test/api/services/jwt.test.ts',
  'test/api/services/leases.test.ts',
  'test/api/services/rate-use.test.ts',
  'test/api/services/monitors.test.ts',
  'test/api/services/notifier.test.ts',
  'test/api/teaching.test.ts',
  'test/api/tools/files.test.ts',
  'test/api/topology.test.ts',
  'test/bench/stages.test.ts',
  'test/ingest/otlp-logs.test.ts',
  'test/ingest/signals.test.ts',
  'test/process/status.test.ts',
  'test/process/under-lease.test.ts',
  'test/scripts/backtest.test.ts',
  'test/scripts/code-cache.test.ts',
  'test/streams/embedded/full-disk.test.ts',
  'test/streams/otlp/otlp-json.test.ts',
]

const project = (name: string, include: string[], testTimeout: number) => ({
  test: {
    name,
    include,
    testTimeout,
    hookTimeout: 60_000,
    pool: 'forks' as const,
    exclude: ['**/node_modules/**', ...(name === 'unit' ? [...ALONE, ...LONG] : [])],
  },
})
const sharingProcesses = <P extends ReturnType<typeof project>>({ test }: P) => ({
  test: { ...test, isolate: false, maxWorkers: 4, globalSetup: ['test/support/shared-store-setup.ts'] },
})

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      sharingProcesses(
        project(
          'unit',
          [
            'test/{streams,ingest,analytics,clickhouse,api,contract,process,scripts,config,deploy,faults,bench}/**/*.test.ts',
            'test/*.test.ts',
          ],
          30_000,
        ),
      ),
      sharingProcesses(project('long', LONG, 60_000)),
      project('integration', ['test/integration/**/*.test.ts', ...ALONE], 60_000),
      project('e2e', ['test/e2e/**/*.test.ts'], 180_000),
      ...(process.env.LAPWING_TEST_KAFKA === undefined ? [] : [project('kafka', ['test/large/kafka/*.test.ts'], 60_000)]),
      ...(process.env.LAPWING_TEST_CLUSTER === undefined
        ? []
        : [
            project(
              'cluster',
              ['test/e2e/{golden,flows,topology,traces}.test.ts', 'test/e2e/agents/incident.test.ts', 'test/cluster/*.test.ts'],
              60_000,
            ),
          ]),
      ...(process.env.LAPWING_TEST_DATABASE_URL === undefined
        ? []
        : [project('postgres', ['test/large/postgres/*.test.ts', 'test/api/**/*.test.ts'], 60_000)]),
    ],
  },
})
