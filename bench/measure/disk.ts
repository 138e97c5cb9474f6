// Bytes that a directory takes on the disk: blocks, since the event log's file is sparse.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const BLOCK_BYTES = 512
export const bytesOnDisk = (directory: string): number => {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // Stores remove files while they are looked at.
    try {
      bytes += lstatSync(join(entry.parentPath, entry.name)).blocks * BLOCK_BYTES
    } catch {
      continue
    }
  }
  return bytes
}
