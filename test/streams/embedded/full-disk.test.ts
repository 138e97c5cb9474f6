// A store that cannot grow: appends are refused as transient, nothing acknowledged is lost, and the process lives on.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const child = join(import.meta.dirname, 'full-child.ts')

test('when the file cannot grow appends are refused, acknowledged messages stay, and consuming lets appends in again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lapwing-full-'))
  try {
    // The limit is the one way to make writes fail that needs no privilege.
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -f 8192; exec "$0" --disable-warning=ExperimentalWarning "$1" "$2"',
      process.execPath,
      child,
      directory,
    ])
    const result = JSON.parse(stdout) as { accepted: number; code: string; freed: number }
    expect(result).toMatchObject({ name: 'TransientError', refused: 3, whole: true, afterwards: 10 })
    expect(['LOG_FULL', 'LOG_IO']).toContain(result.code)
    expect(result.accepted).toBeGreaterThan(20)
    expect(result.accepted).toBeLessThan(10_000)
    expect(result.freed).toBeGreaterThan(result.accepted * 60_000)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}, 60_000)
