// Which servers our tables can be made on.
import { expect, it } from 'vitest'
import { assertVersion } from '../../clickhouse/migrate.ts'

it('takes servers from the first one that has text indexes, and names both versions otherwise', () => {
  for (const version of ['26.2', '26.2.1.1', '26.10.3', '27.1.2.3']) expect(() => assertVersion(version)).not.toThrow()
  for (const version of ['26.1.9', '25.12.1', '9.30'])
    expect(() => assertVersion(version)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: `the server is ClickHouse ${version}; 26.2 or newer is needed` }),
    )
})
