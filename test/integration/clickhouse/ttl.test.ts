import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keepDays } from '../../../clickhouse/ttl.ts'
import { openTestStore, type TestStore } from './store.ts'

describe('days that rows are kept', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openTestStore()
  })
  afterAll(() => store.dispose())
  const ttl = async (table: string): Promise<string> => {
    const [row] = await store.clickhouse.query<{ text: string }>(
      {
        name: 'all_tenants.ttl',
        sql: "SELECT extract(engine_full, 'TTL (.*) SETTINGS') AS text FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
      },
      { table },
    )
    return row.text
  }

  it('stay as the schema has them when the setting is the same', async () => {
    const before = await ttl('otel_logs')
    expect(await keepDays(store.clickhouse, 30)).toEqual([])
    expect(await ttl('otel_logs')).toBe(before)
  })

  it('follow the setting, once', async () => {
    expect([...(await keepDays(store.clickhouse, 7))].sort()).toEqual([
      'dead_letters',
      'log_template_counts',
      'log_templates',
      'otel_logs',
      'otel_spans',
      'series_points',
    ])
    expect(await ttl('otel_logs')).toMatch(/^receive_day \+ .*\b7\b/)
    expect(await ttl('series_points')).toMatch(/^bucket \+ .*\b7\b/)
    expect(await keepDays(store.clickhouse, 7)).toEqual([])
    expect(await keepDays(store.clickhouse, 400)).toHaveLength(6)
  })
})
