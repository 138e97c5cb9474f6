// A client process that stores one range and may be stopped in the middle of it. Arguments: one JSON object; says `sending` before its
// first INSERT, and ends when the range is stored.
import { readFileSync } from 'node:fs'
import { createClickHouse } from '../../../clickhouse/client.ts'
import { storeOneRange, type OneRange } from './one-range.ts'

const { url, user, password, file, range } = JSON.parse(process.argv[2]) as {
  url: string
  user: string
  password: string
  file: string
  range: OneRange
}
const clickhouse = createClickHouse({ url, user, password, database: 'lapwing' })
const block = readFileSync(file)
process.stdout.write('sending\n')
const isStored = await storeOneRange(clickhouse, range, block, false)
await clickhouse.close()
process.exitCode = isStored ? 0 : 1
