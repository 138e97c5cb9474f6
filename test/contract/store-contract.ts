// What the control plane's store must do, whatever engine carries it. An engine's test file calls this with a factory.
// Only the schema of the migrations is used; a place is opened once at a time, as PGlite demands.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readMigrations } from '../../api/store/migrate.ts'
import type { Store } from '../../api/store/store.ts'
import type { StorePlace } from '../support/migrated-store.ts'

/** What a caller may go by: our class of error or 'database', the code and the constraint; never the text. */
export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: { name: string; code: string; constraint?: string }) =>
      error.name.endsWith('tError') ? [error.name, error.code] : ['database', error.code, error.constraint ?? ''],
  )
const tenantIds = async (store: Store): Promise<string[]> =>
  (await store.query<{ id: string }>('SELECT id FROM tenants ORDER BY id')).map(({ id }) => id)
const addTenant = (sql: Pick<Store, 'query'>, id: string) => sql.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [id])

const describeText = (current: () => Store): void => {
  test('text that no database holds is held all the same, and found again: NUL and half a surrogate pair, in JSON too', async () => {
    const name = 'a\0b\ud800c'
    await current().query('INSERT INTO tenants (id, name) VALUES ($1, $2)', [name, name])
    expect(await current().query('SELECT id, name FROM tenants WHERE id = $1', [name])).toEqual([
      { id: 'a\ufffdb\ufffdc', name: 'a\ufffdb\ufffdc' },
    ])
    const json = { [name]: [name, { '\\u0000': 'a literal \\u0000' }], n: 1 }
    expect(await current().query('SELECT $1::jsonb AS value', [JSON.stringify(json)])).toEqual([
      { value: { 'a\ufffdb\ufffdc': ['a\ufffdb\ufffdc', { '\\u0000': 'a literal \\u0000' }], n: 1 } },
    ])
    expect(await current().query('SELECT $1::text AS value', ['plain \\u0000 text'])).toEqual([{ value: 'plain \\u0000 text' }])
  })
}

const describeTransactions = (current: () => Store): void => {
  test('a transaction that resolves is committed and hands out its result', async () => {
    expect(
      await current().transaction(async (sql) => {
        await addTenant(sql, 'a')
        await addTenant(sql, 'b')
        return 'done'
      }),
    ).toBe('done')
    expect(await tenantIds(current())).toEqual(['a', 'b'])
  })

  test('a transaction that rejects leaves nothing, rejects with that very error, and the store goes on', async () => {
    const reason = new Error('changed my mind')
    await expect(
      current().transaction(async (sql) => {
        await addTenant(sql, 'a')
        throw reason
      }),
    ).rejects.toBe(reason)
    expect(await tenantIds(current())).toEqual([])
    await addTenant(current(), 'b')
    expect(await tenantIds(current())).toEqual(['b'])
  })

  test('a transaction with a failed statement never passes as committed, though its function swallowed the error', async () => {
    expect(
      await failureOf(
        current().transaction(async (sql) => {
          await addTenant(sql, 'a')
          await addTenant(sql, 'a').catch(() => undefined)
        }),
      ),
    ).toEqual(['database', '23505', 'tenants_pkey'])
    expect(await tenantIds(current())).toEqual([])
  })

  test('transactions at the same time lose no update of one another', async () => {
    await addTenant(current(), 'a')
    const numbers = await Promise.all(
      Array.from({ length: 40 }, () =>
        current().transaction(async (sql) => {
          const [{ incident_count: before }] = await sql.query<{ incident_count: number }>(
            'SELECT incident_count FROM tenants WHERE id = $1 FOR UPDATE',
            ['a'],
          )
          await sql.query('UPDATE tenants SET incident_count = $2 WHERE id = $1', ['a', before + 1])
          return before
        }),
      ),
    )
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })

  test('calls of the store from inside a transaction are part of it: seen there, committed or undone with it', async () => {
    const attempt = (fails: boolean) =>
      current().transaction(async () => {
        await addTenant(current(), 'a')
        await current().transaction((sql) => addTenant(sql, 'b'))
        expect(await tenantIds(current())).toEqual(['a', 'b'])
        if (fails) throw new Error('undone')
      })
    expect(await failureOf(attempt(true))).not.toBe('no error')
    expect(await tenantIds(current())).toEqual([])
    await attempt(false)
    expect(await tenantIds(current())).toEqual(['a', 'b'])
  })

  test('a transaction inside another that fails takes back its own part only, also for a failed statement', async () => {
    await current().transaction(async (sql) => {
      await addTenant(sql, 'a')
      const inner = current().transaction(async (nested) => {
        await addTenant(nested, 'b')
        await addTenant(nested, 'a')
      })
      expect(await failureOf(inner)).toEqual(['database', '23505', 'tenants_pkey'])
      await current().transaction((nested) => addTenant(nested, 'c'))
    })
    expect(await tenantIds(current())).toEqual(['a', 'c'])
  })

  test('what was begun inside a transaction and outlives it stands alone', async () => {
    let late: Promise<unknown> = Promise.resolve()
    let end = (): void => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    await current().transaction(async (sql) => {
      await addTenant(sql, 'a')
      late = ended.then(() => addTenant(current(), 'b'))
    })
    end()
    await late
    expect(await tenantIds(current())).toEqual(['a', 'b'])
  })

  test('a query beside a transaction sees all of it or nothing', async () => {
    const writing = current().transaction(async (sql) => {
      for (const id of ['a', 'b', 'c']) await addTenant(sql, id)
    })
    const seen = await Promise.all(Array.from({ length: 20 }, () => tenantIds(current())))
    await writing
    expect(seen.map(({ length }) => length).filter((length) => length !== 0 && length !== 3)).toEqual([])
    expect(await tenantIds(current())).toHaveLength(3)
  })
}

const describeValues = (current: () => Store): void => {
  test('a broken rule is named by its SQLSTATE and constraint, and none of them asks to be tried again', async () => {
    await addTenant(current(), 'a')
    const failed = (sql: string, params: readonly (string | null)[] = []) => failureOf(current().query(sql, params))
    expect(await failureOf(addTenant(current(), 'a'))).toEqual(['database', '23505', 'tenants_pkey'])
    expect(await failed('INSERT INTO tenants (id, name) VALUES ($1, $2)', ['b', null])).toEqual(['database', '23502', ''])
    expect(await failed("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'nobody', 'owner')")).toEqual([
      'database',
      '23503',
      'memberships_user_id_fkey',
    ])
    expect(await failed("INSERT INTO memberships (tenant, user_id, role) VALUES ('a', 'nobody', 'king')")).toEqual([
      'database',
      '23514',
      'memberships_role_check',
    ])
    expect(await failed('SELEKT 1')).toEqual(['database', '42601', ''])
    expect(await failed('SELECT $1::jsonb', ['{'])).toEqual(['database', '22P02', ''])
  })

  test('values come back in the types of JavaScript that the services rely on', async () => {
    const [row] = await current().query(
      `SELECT $1::timestamptz AS at, $2::jsonb AS json, $3::bigint AS big, $4::int AS int, $5::boolean AS yes, $6::text AS nothing,
      $7::float8 AS float, count(*) AS count, '[]'::jsonb AS list, 'null'::jsonb AS json_null FROM tenants`,
      ['2026-03-01T12:00:00.123Z', '{"a":[1,"ü",null]}', 9_007_199_254_740_991, -5, true, null, 0.1],
    )
    expect(row).toEqual({
      at: new Date('2026-03-01T12:00:00.123Z'),
      json: { a: [1, 'ü', null] },
      big: 9_007_199_254_740_991,
      int: -5,
      yes: true,
      nothing: null,
      float: 0.1,
      count: 0,
      list: [],
      json_null: null,
    })
  })

  test('times keep their instant whatever offset they are written with', async () => {
    const rows = await current().query<{ at: Date }>('SELECT $1::timestamptz AS at UNION ALL SELECT $2::timestamptz', [
      '2026-07-01T02:00:00+02:00',
      '1999-12-31T23:59:59.999Z',
    ])
    expect(rows.map(({ at }) => at.toISOString())).toEqual(['2026-07-01T00:00:00.000Z', '1999-12-31T23:59:59.999Z'])
  })

  test('text goes in and out as it is, whatever is in it', async () => {
    for (const text of ['', "'; DROP TABLE tenants; --", '\\ " $1 %s \r\n\t', 'ü 漢 👩‍🚀', 'x'.repeat(1_000_000)]) {
      expect(await current().query('SELECT $1::text AS text, $1::text = $2::text AS same', [text, text])).toEqual([{ text, same: true }])
    }
  })

  test('the order of parameters is theirs, used once, twice or in another order', async () => {
    expect(
      await current().query('SELECT $2::text || $1 || $2 AS text, jsonb_array_elements_text($3::jsonb) AS id', ['-', 'x', '["p","q"]']),
    ).toEqual([
      { text: 'x-x', id: 'p' },
      { text: 'x-x', id: 'q' },
    ])
  })
}

export const describeStore = (name: string, createPlace: () => Promise<StorePlace>): void => {
  describe(`store: ${name}`, () => {
    let place: StorePlace
    let store: Store
    beforeAll(async () => {
      place = await createPlace()
      store = await place.open()
    })
    beforeEach(async () => {
      await store.query('TRUNCATE tenants, users CASCADE')
    })
    afterAll(async () => {
      await store.close()
      await place.remove()
    })
    describeTransactions(() => store)
    describeValues(() => store)
    describeText(() => store)

    test('closed, and closed twice, it refuses every call as unavailable; opened again it has what it had, and no migration ran twice', async () => {
      await addTenant(store, 'a')
      const applied = () => store.query<{ number: number }>('SELECT number, name, applied_at FROM schema_migrations ORDER BY number')
      const before = await applied()
      expect(before.map(({ number }) => number)).toEqual(readMigrations().map(({ number }) => number))
      await Promise.all([store.close(), store.close()])
      expect(await failureOf(store.query('SELECT 1'))).toEqual(['TransientError', 'STORE_UNAVAILABLE'])
      expect(await failureOf(store.transaction(async () => undefined))).toEqual(['TransientError', 'STORE_UNAVAILABLE'])
      store = await place.open()
      expect(await applied()).toEqual(before)
      expect(await tenantIds(store)).toEqual(['a'])
    })

    // The last one: its store does not open again.
    test('a store that a newer version wrote is refused', async () => {
      await store.query("INSERT INTO schema_migrations (number, name) VALUES (9999, 'from the future')")
      await store.close()
      expect(await failureOf(place.open())).toEqual(['PermanentError', 'CONFIG_INVALID'])
    })
  })
}
