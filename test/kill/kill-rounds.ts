// Under load whose records name their HTTP attempt, something is killed or stopped at a random moment; afterwards every
// acknowledged attempt is stored exactly once, no attempt twice or in part, and the series equal a recount of the rows.
import { until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { compare, createRandom, drainedStatus, pause, startLoad } from './attempts.ts'

export interface KillOptions {
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (line: string) => void
}
export interface KillReport {
  readonly rounds: number
  readonly attempts: number
  readonly acknowledged: number
  readonly rows: number
  readonly kills: Record<string, number>
  readonly faults: readonly string[]
}

type Fault = 'kill process' | 'kill clickhouse' | 'stop process 5 s' | 'stop clickhouse 5 s'
const faults: readonly Fault[] = ['kill process', 'kill clickhouse', 'kill process', 'stop process 5 s', 'stop clickhouse 5 s']
const RUN = 'kill'

const inflict = async (product: Product, fault: Fault): Promise<void> => {
  const { pid, clickhousePid } = product.addresses()
  if (fault === 'kill process') {
    product.kill('SIGKILL')
    await product.exited()
    await product.start()
  } else if (fault === 'kill clickhouse') {
    if (clickhousePid !== null) signal(clickhousePid, 'SIGKILL')
  } else {
    const target = fault === 'stop process 5 s' ? pid : clickhousePid
    if (target === null) return
    signal(target, 'SIGSTOP')
    await pause(5000)
    signal(target, 'SIGCONT')
  }
}
/** The child may have been replaced since its pid was read. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export const runKillRounds = async (options: KillOptions): Promise<KillReport> => {
  const random = createRandom(options.seed)
  const product = await createMigratedProduct()
  const acknowledged = new Set<number>()
  const kills: Record<string, number> = {}
  const found: string[] = []
  let attempts = 0
  let rows = 0
  try {
    await product.start()
    for (let round = 1; round <= options.rounds; round++) {
      const load = startLoad({ run: RUN, token: product.token, addresses: [product.addresses().otlp], firstAttempt: attempts })
      await pause(200 + random() * 1800)
      const fault = faults[Math.floor(random() * faults.length)]
      kills[fault] = (kills[fault] ?? 0) + 1
      // The addresses change with a restart on port 0, so the load stops with the process.
      if (fault === 'kill process') {
        product.kill('SIGKILL')
        await load.stop()
      }
      await inflict(product, fault)
      if (fault !== 'kill process') {
        await pause(random() * 500)
        await load.stop()
      }
      attempts = load.attempts()
      for (const attempt of load.acknowledged) acknowledged.add(attempt)
      await until('the log is worked off', 60_000, () => drainedStatus(product.api))
      const outcome = await compare(product.select, RUN, acknowledged)
      rows = outcome.rows
      found.push(...outcome.faults.slice(0, 5).map((text) => `round ${round} (${fault}): ${text}`))
      options.onRound?.(
        `round ${round}/${options.rounds}  ${fault.padEnd(20)} ${acknowledged.size}/${attempts} acknowledged, ${rows} rows, ${found.length} faults`,
      )
    }
  } catch (error) {
    found.push(`${String(error)}\n${product.output().slice(-3000)}`)
  } finally {
    await product.dispose()
  }
  return { rounds: options.rounds, attempts, acknowledged: acknowledged.size, rows, kills, faults: found }
}
