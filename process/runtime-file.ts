// `runtime.json` in the data directory: where the running product is and which processes it has, for scripts beside it. Kept
// true while it runs: the pid of ClickHouse changes when that is restarted.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LOOK_EVERY_MS = 1000

export const keepRuntimeFile = (dataDir: string, current: () => object): { close(): void } => {
  const file = join(dataDir, 'runtime.json')
  let written = ''
  const write = (): void => {
    const text = JSON.stringify({ pid: process.pid, ...current() })
    if (text === written) return
    // Renamed into place: a reader never sees half of it.
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
    written = text
  }
  write()
  const timer = setInterval(write, LOOK_EVERY_MS)
  return { close: () => clearInterval(timer) }
}
