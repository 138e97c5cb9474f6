// Where public data sets lie that are too large for the repository: `--data DIR`, LAPWING_BENCH_DATA, or beside the checkout.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const BESIDE = join(dirname(dirname(fileURLToPath(import.meta.url))), '..', 'shared', 'data')

/** Null with a sentence on stderr when what is needed is not there. */
export const findData = (given: string | undefined, needed: readonly string[]): string | null => {
  const directory = resolve(given ?? process.env.LAPWING_BENCH_DATA ?? BESIDE)
  const missing = needed.filter((name) => !existsSync(join(directory, name)))
  if (missing.length === 0) return directory
  console.error(`no data: ${missing.join(' and ')} not found in ${directory}; say where with --data DIR or LAPWING_BENCH_DATA`)
  return null
}
