// The committed results of the fault suite: one line of JSON for each run, and their sum, which the README shows.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface FaultResult {
  readonly date: string
  readonly seed: number
  /** KAFKA_CLIENT; absent: the default. */ readonly client?: string
  readonly rounds: number
  readonly attempts: number
  readonly acknowledged: number
  readonly rows: number
  readonly broken: number
  readonly faults: Readonly<Record<string, number>>
}

const file = fileURLToPath(new URL('results.jsonl', import.meta.url))

export const readResults = (): FaultResult[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as FaultResult)
    : []
export const addResult = (result: FaultResult): void => {
  appendFileSync(file, `${JSON.stringify(result)}\n`)
}

/** The sentence of the README. */
export const summarise = (results: readonly FaultResult[]): string => {
  const sum = (of: (result: FaultResult) => number): string =>
    results.reduce((total, result) => total + of(result), 0).toLocaleString('en-US')
  return `${sum(({ rounds }) => rounds)} rounds in ${results.length} runs: ${sum(({ attempts }) => attempts)} attempts, ${sum(({ acknowledged }) => acknowledged)} acknowledged, ${sum(({ rows }) => rows)} rows stored; promises broken: ${sum(({ broken }) => broken)}`
}
