// Settings of several processes: what a role lacks is named, secrets may come from files, and no error shows one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../config.ts'

const directory = mkdtempSync(join(tmpdir(), 'lapwing-config-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
const SERVERS = { KAFKA_BROKERS: 'k1:9092,k2:9092', CLICKHOUSE_URL: 'http://ch:8123', DATABASE_URL: 'postgres://u:p@pg/lapwing' }
const SECRET = { LAPWING_SECRET_KEY: 'k'.repeat(32) }
const problemsOf = (env: Record<string, string>): string[] => {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}

describe('roles', () => {
  it('everything is embedded unless an address says otherwise, in any combination', () => {
    expect(loadConfig({})).toMatchObject({
      role: 'all',
      kafka: null,
      clickhouseUrl: null,
      databaseUrl: null,
      adminListen: null,
      watchdogShards: 1,
    })
    expect(loadConfig({ DATABASE_URL: SERVERS.DATABASE_URL })).toMatchObject({
      kafka: null,
      clickhouseUrl: null,
      databaseUrl: SERVERS.DATABASE_URL,
      watchdogShards: 8,
    })
    expect(loadConfig({ KAFKA_BROKERS: SERVERS.KAFKA_BROKERS })).toMatchObject({
      kafka: { brokers: ['k1:9092', 'k2:9092'], topic: 'lapwing.events', partitions: 8, tls: null, sasl: null },
      databaseUrl: null,
    })
  })

  it('records wait to be stored together by the number of partitions, or as long as is said within bounds', () => {
    expect(loadConfig({}).storeLingerMs).toBeNull()
    expect(loadConfig({ LAPWING_STORE_LINGER_MS: '3000' }).storeLingerMs).toBe(3000)
    for (const wrong of ['10', '10001', 'soon']) expect(problemsOf({ LAPWING_STORE_LINGER_MS: wrong })).toHaveLength(1)
  })

  it.each(['ingest', 'worker', 'api'])('%s needs all three servers, and says which it lacks', (role) => {
    expect(problemsOf({ LAPWING_ROLE: role, ...SECRET })).toEqual(
      ['KAFKA_BROKERS', 'CLICKHOUSE_URL', 'DATABASE_URL'].map((setting) => `${setting}: must be set for LAPWING_ROLE=${role}`),
    )
    expect(loadConfig({ LAPWING_ROLE: role, ...SERVERS, ...SECRET })).toMatchObject({
      role,
      adminListen: { host: '127.0.0.1', port: 9464 },
    })
  })

  it('no broker is not a log of one process', () => {
    const { KAFKA_BROKERS, ...others } = SERVERS
    expect(problemsOf({ LAPWING_ROLE: 'ingest', ...others, KAFKA_BROKERS_FILE: file('brokers', KAFKA_BROKERS) })).toEqual([
      'KAFKA_BROKERS: must be set for LAPWING_ROLE=ingest',
    ])
    for (const role of ['ingest', 'all'])
      expect(problemsOf({ LAPWING_ROLE: role, ...others, KAFKA_BROKERS: ',' })).toEqual([expect.stringContaining('KAFKA_BROKERS')])
  })

  it('the largest body has room, or the start says why not', () => {
    const tooSmall = { LAPWING_MAX_BODY_BYTES: '2000', LAPWING_MAX_INFLATED_BYTES: '4000', LAPWING_MAX_INFLIGHT_BYTES: '5999' }
    expect(problemsOf(tooSmall)).toEqual([expect.stringMatching(/^LAPWING_MAX_INFLIGHT_BYTES: .*6000/)])
    expect(problemsOf({ ...tooSmall, LAPWING_MAX_INFLIGHT_BYTES: '6000' })).toEqual([])
  })

  it('a cluster of ClickHouse stands behind an address, and has a name that can be quoted', () => {
    expect(loadConfig({ ...SERVERS, LAPWING_CLICKHOUSE_CLUSTER: 'all-sharded' })).toMatchObject({
      clickhouseCluster: { name: 'all-sharded', insertQuorum: 'auto' },
    })
    expect(loadConfig(SERVERS)).toMatchObject({ clickhouseCluster: null })
    expect(problemsOf({ LAPWING_CLICKHOUSE_CLUSTER: 'a' })).toEqual(['CLICKHOUSE_URL: must be set beside LAPWING_CLICKHOUSE_CLUSTER'])
    for (const [setting, value] of [
      ['LAPWING_CLICKHOUSE_CLUSTER', 'a`b'],
      ['LAPWING_CLICKHOUSE_INSERT_QUORUM', 'most'],
    ])
      expect(problemsOf({ ...SERVERS, [setting]: value })).toEqual([expect.stringContaining(`${setting}: `)])
  })

  it('the API alone needs the key that all of its processes share', () => {
    expect(problemsOf({ LAPWING_ROLE: 'api', ...SERVERS })).toEqual(['LAPWING_SECRET_KEY: must be set for LAPWING_ROLE=api'])
    for (const role of ['ingest', 'worker']) expect(problemsOf({ LAPWING_ROLE: role, ...SERVERS })).toEqual([])
  })
})

describe('secrets', () => {
  it('come from files as well, addresses with a password in them too', () => {
    const config = loadConfig({
      DATABASE_URL_FILE: file('pg', 'postgres://u:secret@pg/lapwing\n'),
      CLICKHOUSE_URL: 'http://ch:8123',
      CLICKHOUSE_PASSWORD_FILE: file('ch', 'of clickhouse\n'),
      LAPWING_SECRET_KEY_FILE: file('key', 'k'.repeat(40)),
      KAFKA_BROKERS: 'k:9092',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'lapwing',
      KAFKA_SASL_PASSWORD_FILE: file('kafka', 'of kafka'),
      KAFKA_TLS_CA_FILE: file('ca', '---PEM---'),
    })
    expect(config).toMatchObject({
      databaseUrl: 'postgres://u:secret@pg/lapwing',
      clickhousePassword: 'of clickhouse',
      secretKey: 'k'.repeat(40),
      kafka: {
        tls: { ca: '---PEM---', cert: null, key: null },
        sasl: { mechanism: 'SCRAM-SHA-512', username: 'lapwing', password: 'of kafka' },
      },
    })
  })

  it('are not shown by the error that names a wrong one', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://u:hunter2@pg/lapwing',
      CLICKHOUSE_PASSWORD_FILE: '/nowhere',
      KAFKA_BROKERS: 'k:9092',
      KAFKA_SASL_MECHANISM: 'PLAIN',
    }).join('\n')
    expect(problems).toContain('DATABASE_URL')
    expect(problems).not.toContain('hunter2')
    for (const name of [
      'CLICKHOUSE_PASSWORD_FILE: "/nowhere" is not a readable file',
      'KAFKA_SASL_USERNAME: must be set',
      'KAFKA_SASL_PASSWORD: must be set',
    ])
      expect(problems).toContain(name)
  })

  it('an authority is of a server that TLS leads to, and is read from its file', () => {
    expect(problemsOf({ CLICKHOUSE_URL: 'http://ch:8123', CLICKHOUSE_TLS_CA: 'PEM', DATABASE_TLS_CA: 'PEM' })).toEqual([
      expect.stringContaining('CLICKHOUSE_TLS_CA: CLICKHOUSE_URL must be https'),
      expect.stringContaining('DATABASE_TLS_CA: DATABASE_URL must be set'),
    ])
    expect(
      problemsOf({ CLICKHOUSE_URL: 'https://ch:8443', CLICKHOUSE_TLS_CA: 'PEM', DATABASE_URL: 'postgres://pg/x', DATABASE_TLS_CA: 'PEM' }),
    ).toEqual([])
  })

  it('a notification is signed: its secret goes with its address', () => {
    expect(problemsOf({ LAPWING_NOTIFY_URL: 'https://hooks.example.com/x' })).toEqual([
      expect.stringContaining('LAPWING_NOTIFY_SECRET: must be set'),
    ])
  })
})

it('Kafka: what is no broker, no topic or a retention below a day is named', () => {
  expect(
    problemsOf({ KAFKA_BROKERS: 'k:9092,nonsense', KAFKA_TOPIC: 'a b', KAFKA_RETENTION_HOURS: '2', KAFKA_CLIENT: 'other' }).map(
      (line) => line.split(':')[0],
    ),
  ).toEqual(['KAFKA_BROKERS', 'KAFKA_TOPIC', 'KAFKA_CLIENT', 'KAFKA_RETENTION_HOURS'])
})
