// Ours as a whole, as a user starts it.
import { ATTEMPT_DIGITS } from '../load/body.ts'
import { createProduct, type Product } from '../load/product.ts'
import { selectAttempts, untilArrived } from '../measure/counts.ts'
import type { Scope } from '../measure/scope.ts'
import { probesSql, type Contestant, type Opened } from './contestant.ts'

export interface WholeOptions {
  readonly name: string
  readonly sync: 'fsync' | 'os'
  readonly env?: Readonly<Record<string, string>>
}
export interface OpenedProduct extends Opened {
  readonly product: Product
  count(): Promise<number>
}

export const openProduct = async ({ sync, env }: Omit<WholeOptions, 'name'>, scope: Scope): Promise<OpenedProduct> => {
  const product = createProduct({ env: { LAPWING_LOG_LEVEL: 'warn', LAPWING_LOG_SYNC: sync, ...env } })
  scope.onClose(() => product.dispose())
  await product.start()
  const { otlp, pid, clickhousePid } = product.addresses()
  const count = async (): Promise<number> =>
    Number((await product.select<{ rows: number }>('SELECT count() AS rows FROM otel_logs'))[0].rows)
  return {
    product,
    count,
    url: otlp,
    token: product.token,
    directory: product.dataDir,
    parts: { pipeline: { pid, without: [clickhousePid!] }, clickhouse: { pid: clickhousePid! } },
    arrived: (records) => untilArrived(count, records),
    attempts: (corpus, run) => selectAttempts(product.select, corpus, run),
    probes: async () => (await product.select<{ id: string }>(probesSql(Date.now()))).map(({ id }) => Number(id.slice(-ATTEMPT_DIGITS))),
  }
}

export const createWhole = (options: WholeOptions): Contestant => ({
  name: options.name,
  durability: options.sync === 'fsync' ? 'fsync' : 'page cache',
  open: (scope) => openProduct(options, scope),
})
