// One process per data directory. The lock names its owner by pid and by that process's start time, so that a reused pid
// is not taken for the owner; a dead owner's lock is taken over, by one of several that try.
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PermanentError } from '../streams/contracts/errors.ts'

export interface DataLock {
  release(): void
}

interface Owner {
  readonly pid: number
  readonly started: string
  readonly nonce: string
}

/** Start time of a process in clock ticks after boot and the boot's id; empty where the system does not tell. */
const startedAt = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`
  } catch {
    return ''
  }
}

const isAlive = (owner: Owner): boolean => {
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startedAt(owner.pid) === owner.started
}

const readOwner = (path: string): Owner | null => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner
  } catch {
    return null
  }
}

/** Level by level: the recursive mkdir of Node never returns where a file system refuses, as /proc does. */
const makeDirectory = (directory: string): void => {
  if (existsSync(directory)) {
    if (!statSync(directory).isDirectory()) throw new Error('it is not a directory')
    return
  }
  if (dirname(directory) !== directory) makeDirectory(dirname(directory))
  mkdirSync(directory, { mode: 0o700 })
}

/** @throws PermanentError LOCKED when a living process owns the directory, CONFIG_INVALID when it cannot be made or written. */
export const lockDataDirectory = (directory: string): DataLock => {
  const path = join(directory, 'lapwing.lock')
  const mine: Owner = { pid: process.pid, started: startedAt(process.pid), nonce: `${process.pid}-${process.hrtime.bigint()}` }
  const draft = `${path}.${mine.nonce}`
  try {
    makeDirectory(directory)
    writeFileSync(draft, JSON.stringify(mine))
  } catch (error) {
    throw new PermanentError('CONFIG_INVALID', `LAPWING_DATA_DIR: ${directory} cannot be used: ${(error as Error).message}`)
  }
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        linkSync(draft, path)
        return {
          release: () => {
            if (readOwner(path)?.nonce === mine.nonce) rmSync(path, { force: true })
          },
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = readOwner(path)
      if (owner !== null && isAlive(owner)) {
        throw new PermanentError(
          'LOCKED',
          `the data directory ${directory} is in use by process ${owner.pid}: stop that one, or set LAPWING_DATA_DIR to another directory`,
        )
      }
      takeAside(path, `${path}.stale-${mine.nonce}`, owner)
    }
    throw new PermanentError('LOCKED', `the lock of ${directory} is contended: try again`)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves a dead owner's lock away. Another starter may have replaced it in between: then what was moved is put back. */
const takeAside = (path: string, aside: string, dead: Owner | null): void => {
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const moved = readOwner(aside)
  if (moved !== null && moved.nonce !== dead?.nonce) {
    try {
      linkSync(aside, path)
    } catch {
      /* a third starter holds it now */
    }
  }
  rmSync(aside, { force: true })
}
