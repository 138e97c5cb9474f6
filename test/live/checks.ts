// What a live suite reports: each fact with its outcome as it comes, and the counts for the closing line.
import { isDeepStrictEqual } from 'node:util'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface Checks {
  readonly counts: Readonly<Counts>
  /** A fact holds when `verify` ends without an error within `timeoutMs`. The answer says whether it did. */
  check(fact: string, verify: () => Promise<void>, timeoutMs?: number): Promise<boolean>
  skip(what: string, reason: string): void
}

export interface LiveSuite {
  readonly name: string
  run(checks: Checks): Promise<void>
}

export const createChecks = (print: (line: string) => void): Checks => {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  return {
    counts,
    check: async (fact, verify, timeoutMs = 60_000) => {
      const begun = Date.now()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          reject(new Error(`not within ${timeoutMs / 1000} s`))
        }, timeoutMs)
      })
      try {
        await Promise.race([verify(), late])
        counts.passed++
        print(`  passed: ${fact} (${((Date.now() - begun) / 1000).toFixed(1)} s)`)
        return true
      } catch (error) {
        counts.failed++
        print(`  FAILED: ${fact}: ${error instanceof Error ? error.message : String(error)}`)
        return false
      } finally {
        clearTimeout(timer)
      }
    },
    skip: (what, reason) => {
      counts.skipped++
      print(`  skipped: ${what} (${reason})`)
    },
  }
}

const toText = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))

export const expectEqual = (what: string, found: unknown, wanted: unknown): void => {
  if (!isDeepStrictEqual(found, wanted))
    throw new Error(`${what}: found ${toText(found)?.slice(0, 500)}, wanted ${toText(wanted)?.slice(0, 500)}`)
}

/** Row by row and column by column, so that the message names the first that differ. */
export const expectRows = (found: readonly object[], wanted: readonly object[]): void => {
  for (const [index, row] of wanted.entries()) {
    const other: Record<string, unknown> = { ...found[index] }
    for (const [column, value] of Object.entries(row)) expectEqual(`row ${index} of ${wanted.length}, ${column}`, other[column], value)
  }
  expectEqual('number of rows', found.length, wanted.length)
}
