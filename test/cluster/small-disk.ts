// A small disk of its own for a server's data, to be filled and freed: a tmpfs, where this process may mount one.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface SmallDisk {
  /** Leaves no byte free. */
  fill(): void
  free(): void
  unmount(): void
}

const PIECE = Buffer.alloc(1024 * 1024)

/** Null where mounting is not allowed. @param megabytes how large it is. */
export const mountSmallDisk = (directory: string, megabytes: number): SmallDisk | null => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return null
  }
  const filler = join(directory, 'filler')
  return {
    fill: () => {
      const file = openSync(filler, 'w')
      try {
        while (statfsSync(directory).bavail > 0) writeSync(file, PIECE)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    // What still has a file open there is gone a moment later.
    unmount: () => {
      execFileSync('umount', ['-l', directory], { stdio: 'ignore' })
    },
  }
}
