// Under load whose records name their HTTP attempt, something is killed or stopped at a random moment; afterwards every
// acknowledged attempt is stored exactly once, no attempt twice or in part, and the series equal a recount of the rows.
import { until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'
import { compare, createRandom, drainedStatus, pause, startLoad, type Load } from './attempts.ts'

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

/** Also while what was acknowledged before is worked off, beside new records. */
const KILLED_AGAIN = 0.3

const inflict = async (product: Product, fault: Exclude<Fault, 'kill process'>): Promise<void> => {
  const { pid, clickhousePid } = product.addresses()
  if (fault === 'kill clickhouse') {
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
  const begin = (): Load => startLoad({ run: RUN, token: product.token, addresses: [product.addresses().otlp], firstAttempt: attempts })
  const end = async (load: Load): Promise<void> => {
    await load.stop()
    attempts = load.attempts()
    for (const attempt of load.acknowledged) acknowledged.add(attempt)
  }
  /** The addresses change with a restart on port 0, so the load stops with the process and goes on with the next. */
  const crash = async (load: Load): Promise<void> => {
    product.kill('SIGKILL')
    await end(load)
    await product.exited()
    await product.start()
    const next = begin()
    await pause(random() * 1000)
    await (random() < KILLED_AGAIN ? crash(next) : end(next))
  }
  try {
    await product.start()
    for (let round = 1; round <= options.rounds; round++) {
      const load = begin()
      await pause(200 + random() * 1800)
      const fault = faults[Math.floor(random() * faults.length)]
      kills[fault] = (kills[fault] ?? 0) + 1
      if (fault === 'kill process') await crash(load)
      else {
        await inflict(product, fault)
        await pause(random() * 500)
        await end(load)
      }
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
