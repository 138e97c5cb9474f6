import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalClickHouse, type LocalClickHouse } from '../../../clickhouse/local/local.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import { freePort } from '../../support/free-port.ts'
import { ask, clientOf, createDirectory, isAlive, openTestStore, settingsOf, silent, toRow, until, type TestStore } from './store.ts'

const localFile = fileURLToPath(new URL('../../../clickhouse/local/local.ts', import.meta.url))
const count = { name: 'count', sql: 'SELECT toString(count()) AS rows FROM otel_logs' }

describe('the local ClickHouse', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openTestStore()
  })
  afterAll(() => store.dispose())

  it('lets the reader select and nothing else', async () => {
    const reader = (sql: string) => ask(`${store.local.url}/?database=lapwing`, 'reader', 'reader-password', sql)
    expect(await reader('SELECT 1 + count() FROM otel_logs')).toEqual({ ok: true, text: expect.stringMatching(/^\d+\n$/) })
    for (const sql of [
      "INSERT INTO otel_logs (Body) VALUES ('x')",
      'DROP TABLE otel_logs',
      'CREATE TABLE t (a Int8) ENGINE = Memory',
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
      'SELECT 1 SETTINGS max_execution_time = 0',
      'SYSTEM SHUTDOWN',
    ]) {
      expect(await reader(sql), sql).toMatchObject({ ok: false })
    }
    expect(await ask(store.local.url, 'reader', 'wrong-password', 'SELECT 1')).toMatchObject({ ok: false })
  })

  it('lets the reader set what Grafana and ClickStack send with a query, within bounds, and nothing else', async () => {
    const reader = (settings: string) =>
      ask(`${store.local.url}/?database=lapwing&${settings}`, 'reader', 'reader-password', 'SELECT count() FROM otel_logs')
    for (const settings of [
      'max_execution_time=65',
      'date_time_output_format=iso',
      'max_rows_to_read=1000000&read_overflow_mode=break',
      'session_timezone=Europe/Berlin',
    ]) {
      expect(await reader(settings), settings).toMatchObject({ ok: true })
    }
    for (const settings of [
      'max_execution_time=0',
      'max_execution_time=3600',
      'max_memory_usage=0',
      'readonly=0',
      'max_threads=64',
      'allow_ddl=1&readonly=2',
    ]) {
      expect(await reader(settings), settings).toMatchObject({ ok: false })
    }
  })

  it('gives a question that somebody waits for two threads within its memory', async () => {
    const pipeline = 'EXPLAIN PIPELINE SELECT sum(number) FROM numbers_mt(10000000)'
    const ours = async (isAsked: boolean) =>
      JSON.stringify(await store.clickhouse.query({ name: 'pipeline', sql: pipeline }, {}, { isAsked }))
    expect(await ours(true)).toContain('AggregatingTransform × 2')
    expect(await ours(false)).not.toContain('× 2')
    expect(await ask(`${store.local.url}/?database=lapwing`, 'reader', 'reader-password', pipeline)).toMatchObject({
      text: expect.stringContaining('AggregatingTransform × 2'),
    })
  })

  it('leaves default nothing to read, write or stop', async () => {
    for (const sql of [
      'SELECT count() FROM lapwing.otel_logs',
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      'DROP TABLE lapwing.otel_logs',
      'CREATE USER x',
      'SYSTEM SHUTDOWN',
    ]) {
      expect(await ask(store.local.url, 'default', '', sql), sql).toMatchObject({
        ok: false,
        text: expect.stringContaining('ACCESS_DENIED'),
      })
    }
  })

  it('keeps its configuration from other users of the machine and passwords out of it', () => {
    const folder = join(store.directory, 'config')
    for (const file of readdirSync(folder)) {
      expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600)
      expect(readFileSync(join(folder, file), 'utf8')).not.toContain('reader-password')
    }
    expect(statSync(folder).mode & 0o077).toBe(0)
    expect(statSync(join(store.directory, 'data')).mode & 0o077).toBe(0)
  })

  it('comes back by itself after kill -9, with what was acknowledged', async () => {
    await store.clickhouse.insertRows({ table: 'otel_logs', rows: [toRow({ tenant: 'a', ms: Date.now(), body: 'kept', offset: 1 })] })
    const [{ rows }] = await store.clickhouse.query<{ rows: string }>(count, {})
    const [pid, restarts] = [store.local.pid()!, store.local.restarts()]
    process.kill(pid, 'SIGKILL')
    await until('the child is another', () => store.local.pid() !== null && store.local.pid() !== pid)
    expect(store.local.restarts()).toBeGreaterThan(restarts)
    await until('the client reaches it', () => store.clickhouse.ping())
    expect(await store.clickhouse.query(count, {})).toEqual([{ rows }])
  })

  it('refuses a busy port naming the setting that moves it', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const directory = createDirectory()
    await expect(startLocalClickHouse(settingsOf(directory, (holder.address() as AddressInfo).port))).rejects.toMatchObject({
      code: 'PORT_BUSY',
      message: expect.stringContaining('LAPWING_CLICKHOUSE_LISTEN'),
    })
    holder.close()
    rmSync(directory, { recursive: true, force: true })
  })
})

describe('the life of the child', () => {
  const startParent = async (directory: string, port: number): Promise<{ kill(): void; pid: number; exited: Promise<unknown> }> => {
    const script = `const { startLocalClickHouse } = await import(${JSON.stringify(localFile)})
      const local = await startLocalClickHouse({ ...${JSON.stringify({ ...settingsOf(directory, port), log: undefined })}, log: { info() {}, warn() {} } })
      console.log(local.pid()); setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    return {
      kill: () => {
        parent.kill('SIGKILL')
      },
      pid: Number(line.toString()),
      exited: once(parent, 'exit'),
    }
  }

  it('ends with a parent that is killed, and a start right after waits for its port and directory', async () => {
    const directory = createDirectory()
    const port = await freePort()
    const parent = await startParent(directory, port)
    expect(isAlive(parent.pid)).toBe(true)
    parent.kill()
    await parent.exited
    const successor = await startLocalClickHouse(settingsOf(directory, port))
    expect(isAlive(parent.pid)).toBe(false)
    expect(successor.pid()).not.toBe(parent.pid)
    await successor.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it('ends a child that takes no signals within five seconds, and its data serve the next', async () => {
    const directory = createDirectory()
    const first = await startLocalClickHouse(settingsOf(directory))
    const client = clientOf(first)
    await migrate(client)
    await client.insertRows({ table: 'otel_logs', rows: [toRow({ tenant: 'a', ms: Date.now(), body: 'kept', offset: 1 })] })
    await client.close()
    const pid = first.pid()!
    process.kill(pid, 'SIGSTOP')
    const begunMs = Date.now()
    await first.close()
    expect(Date.now() - begunMs).toBeLessThan(5000)
    expect(isAlive(pid)).toBe(false)
    const second = await startLocalClickHouse(settingsOf(directory))
    const again = clientOf(second)
    expect(await migrate(again)).toBe(0)
    expect(await again.query(count, {})).toEqual([{ rows: '1' }])
    await again.close()
    await second.close()
    expect(second.restarts()).toBe(0)
    rmSync(directory, { recursive: true, force: true })
  })

  it('starts no child after close, not even when one was about to be tried again', async () => {
    const directory = createDirectory()
    const ready: number[] = []
    let failed = 0
    const local = await startLocalClickHouse({
      ...settingsOf(directory),
      onReady: (pid) => ready.push(pid),
      log: {
        ...silent,
        warn: (_, message) => {
          if (message.includes('while starting')) failed += 1
        },
      },
    })
    const configFile = join(directory, 'config', 'config.xml')
    const config = readFileSync(configFile)
    writeFileSync(configFile, '<not a configuration')
    process.kill(local.pid()!, 'SIGKILL')
    await until('a start has failed', () => failed > 0)
    await local.close()
    writeFileSync(configFile, config)
    // A failed start is tried again after a second, and a start takes less than one.
    for (const deadline = Date.now() + 3000; Date.now() < deadline && ready.length === 1;)
      await new Promise((resolve) => setTimeout(resolve, 50))
    for (const pid of ready.slice(1)) process.kill(-pid, 'SIGKILL')
    expect(ready).toHaveLength(1)
    expect(local.pid()).toBeNull()
    rmSync(directory, { recursive: true, force: true })
  })

  it('refuses a directory that a later release wrote', async () => {
    const directory = createDirectory()
    const local = await startLocalClickHouse(settingsOf(directory))
    await local.close()
    const record = join(directory, 'clickhouse-version')
    expect(readFileSync(record, 'utf8')).toMatch(/^\d+\.\d+/)
    writeFileSync(record, '99.1.2.3\n')
    await expect(startLocalClickHouse(settingsOf(directory))).rejects.toMatchObject({
      code: 'STORE_REJECTED',
      message: expect.stringContaining('99.1.2.3'),
    })
    rmSync(directory, { recursive: true, force: true })
  })

  it('takes a ClickHouse of the machine only when it is named, answers and is recent', async () => {
    const directory = createDirectory()
    const binary = join(directory, 'clickhouse')
    const start = (): Promise<LocalClickHouse> => startLocalClickHouse({ ...settingsOf(directory), binary })
    await expect(start()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('LAPWING_CLICKHOUSE_BINARY') })
    writeFileSync(binary, '#!/bin/sh\necho "ClickHouse local version 25.3.1.1 (official build)."\n')
    chmodSync(binary, 0o700)
    await expect(start()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('25.3.1.1') })
    rmSync(directory, { recursive: true, force: true })
  })

  it('says what a child complained about that cannot start', async () => {
    const directory = createDirectory()
    const warnings: object[] = []
    await expect(
      startLocalClickHouse({
        ...settingsOf(directory),
        maxMemoryBytes: 1,
        database: 'not a name',
        log: { ...silent, warn: (fields) => warnings.push(fields) },
      }),
    ).rejects.toThrow(/not a database name/)
    expect(warnings).toEqual([])
    rmSync(directory, { recursive: true, force: true })
  })
})
