// How large the log may be at this moment: its configured bound, or, when the disk is nearly full, what its file already holds.
// The store must not meet a full disk: a write that fails there costs an append, and freed pages are reused only by later writes.
import { statfs, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface DiskConfig {
  readonly directory: string
  readonly maxBytes: number
  readonly minFreeBytes: number
}

const CHECK_INTERVAL_MS = 200
/** The rest of the file is room for fragmentation. */
const USABLE_SHARE = 0.75

export const freeBytes = async (directory: string): Promise<number> => {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** Resolves to the bound in stored bytes; looks at the disk at most every 200 ms. */
export const createDiskBound = (config: DiskConfig): (() => Promise<number>) => {
  let bound = config.maxBytes
  let checkedAtMs = -Infinity

  return async () => {
    const now = performance.now()
    if (now - checkedAtMs < CHECK_INTERVAL_MS) return bound
    checkedAtMs = now
    const [free, file] = await Promise.all([freeBytes(config.directory), stat(join(config.directory, 'data.mdb'))])
    bound = free >= config.minFreeBytes ? config.maxBytes : Math.min(config.maxBytes, Math.floor(file.size * USABLE_SHARE))
    return bound
  }
}
