// From one definition, what a cluster is told. That ClickHouse reads it is tested on a real one (test/integration/clickhouse/cluster.test.ts).
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { shardOfPartition, shardsOf } from '../../clickhouse/cluster/client.ts'
import { overShards, toClusterStatements, toMissingTable } from '../../clickhouse/cluster/statements.ts'

it('a table becomes a replicated local one and a Distributed one that is read', () => {
  expect(
    toClusterStatements(
      '-- why\nCREATE TABLE IF NOT EXISTS points\n(\n  a UInt64,\n  version UInt64\n)\nENGINE = ReplacingMergeTree(version)\nORDER BY a',
      'big-one',
    ),
  ).toEqual([
    "-- why\nCREATE TABLE IF NOT EXISTS points_local ON CLUSTER `big-one`\n(\n  a UInt64,\n  version UInt64\n)\nENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/points', '{replica}', version)\nORDER BY a\nSETTINGS replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800",
    'CREATE TABLE IF NOT EXISTS points ON CLUSTER `big-one` AS points_local ENGINE = Distributed(`big-one`, currentDatabase(), points_local)',
  ])
})

it('settings of a table stay, and tokens are kept for seven days beside them', () => {
  const [rows] = toClusterStatements(
    'CREATE TABLE IF NOT EXISTS logs (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS index_granularity = 1024',
    'c',
  )
  expect(rows).toContain(
    "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/logs', '{replica}') ORDER BY a SETTINGS replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800, index_granularity = 1024",
  )
})

it('an engine without a replicated variant is refused', () => {
  expect(() => toClusterStatements('CREATE TABLE IF NOT EXISTS logs (a UInt8) ENGINE = Log', 'c')).toThrow('replicated variant')
})

it('columns are changed in both tables; indexes, codecs, partitions and lifetimes where the rows are', () => {
  expect(toClusterStatements('ALTER TABLE logs ADD COLUMN IF NOT EXISTS b String', 'c')).toEqual([
    'ALTER TABLE logs_local ON CLUSTER `c` ADD COLUMN IF NOT EXISTS b String',
    'ALTER TABLE logs ON CLUSTER `c` ADD COLUMN IF NOT EXISTS b String',
  ])
  for (const change of [
    'DROP PARTITION {day:String}',
    'MODIFY TTL d + toIntervalDay({days:UInt16})',
    'MODIFY COLUMN b String CODEC(LZ4), MODIFY SETTING x = 1',
    'DROP INDEX i',
  ]) {
    expect(toClusterStatements(`ALTER TABLE logs ${change}`, 'c')).toEqual([`ALTER TABLE logs_local ON CLUSTER \`c\` ${change}`])
  }
})

it('a migration that changes columns changes nothing else: a Distributed table has nothing else', () => {
  const schema = new URL('../../clickhouse/schema/', import.meta.url)
  const changes = readdirSync(schema)
    .map((file) => readFileSync(new URL(file, schema), 'utf8').replace(/--.*$/gm, ''))
    .filter((sql) => /\b(?:ADD|DROP|RENAME) COLUMN\b/.test(sql))
  expect(changes.length).toBeGreaterThan(0)
  for (const sql of changes) expect(sql).not.toMatch(/\b(?:INDEX|MODIFY|PARTITION|TTL|SETTINGS?|PROJECTION|CONSTRAINT)\b/)
})

it('what is not about a table of ours, or is of a cluster already, stays as it is', () => {
  for (const sql of [
    'CREATE OR REPLACE TABLE logs_check AS logs ENGINE = Null',
    toMissingTable("CREATE TABLE lapwing.logs_local (`a` UInt8) ENGINE = ReplicatedMergeTree('/x', '{replica}') ORDER BY a", 'c'),
  ])
    expect(toClusterStatements(sql, 'c')).toEqual([sql])
  expect(toMissingTable('CREATE TABLE lapwing.logs (`a` UInt8) ENGINE = Distributed(`c`)', 'c')).toBe(
    'CREATE TABLE IF NOT EXISTS lapwing.logs ON CLUSTER `c` (`a` UInt8) ENGINE = Distributed(`c`)',
  )
})

it('figures of parts are asked of one replica of every shard', () => {
  expect(overShards('SELECT sum(p.rows) FROM system.parts AS p', 'c')).toBe('SELECT sum(p.rows) FROM cluster(`c`, system.parts) AS p')
})

it('partitions are spread evenly over the shards that there are', () => {
  const shards = shardsOf([
    { shard: 1, host: 'a' },
    { shard: 1, host: 'b' },
    { shard: 3, host: 'c' },
  ])
  expect(shards).toEqual([
    { number: 1, hosts: ['a', 'b'] },
    { number: 3, hosts: ['c'] },
  ])
  expect([0, 1, 2, 3].map((partition) => shardOfPartition(shards, partition))).toEqual([1, 3, 1, 3])
})
