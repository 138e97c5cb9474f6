// The key that signs cursors and encrypts secrets that can be read back: from the configuration, else made once in the data
// directory (mode 0600). Losing it makes stored heartbeat tokens unreadable.
import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const loadSecretKey = (dataDir: string, configured: string | null): string => {
  if (configured !== null) return configured
  const path = join(dataDir, 'secret-key')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Written aside first: a torn key must never be read as a whole one.
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
  linkSync(draft, path)
  rmSync(draft)
  return readFileSync(path, 'utf8').trim()
}
