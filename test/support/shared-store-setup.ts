// Where test files share their processes they share a store in each, too (shared-store.ts); its directory goes when all have ended.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export default (): (() => void) | undefined => {
  // Each project that shares processes calls this; one directory does for all.
  if (process.env.LAPWING_TEST_STORES !== undefined) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-stores-'))
  process.env.LAPWING_TEST_STORES = directory
  return () => rmSync(directory, { recursive: true, force: true })
}
