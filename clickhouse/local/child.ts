// The child process: ClickHouse run as `clickhouse local` with its HTTP port open, from the shared library or, when one is
// named, from a binary. It leads a process group, and ends when its parent is gone. Arguments: one JSON object.
import { DataType, load, open } from 'ffi-rs'
import { spawn } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import type { Engine } from './library.ts'

interface ChildConfig {
  readonly path: string
  readonly host: string
  readonly port: number
  readonly configFile: string
  readonly parentPid: number
  readonly engine: Engine
}

const { path, host, port, configFile, parentPid, engine } = JSON.parse(process.argv[2]) as ChildConfig

// The call into the library never returns, so only a thread of its own can look. The whole group goes: a binary is part of it.
const watcher = new Worker(
  `
  const { parentPid } = require('node:worker_threads').workerData
  setInterval(() => { if (process.ppid !== parentPid) process.kill(-process.pid, 'SIGKILL') }, 500)
`,
  { eval: true, workerData: { parentPid } },
)
// Without it this process could outlive its parent.
watcher.on('error', () => process.exit(1))

// The second statement keeps the process alive without the FILE privilege that a read from stdin would need.
const query =
  'SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM numbers(1000000000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 3000000000000 FORMAT Null'
const options = [`--path=${path}`, `--listen_host=${host}`, `--http_port=${port}`, `--config-file=${configFile}`, '--query', query]

const runBinary = (): void => {
  const server = spawn(engine.path, ['local', ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('SIGTERM', () => server.kill('SIGTERM'))
  server.on('error', () => process.exit(1))
  server.on('exit', (code) => process.exit(code ?? 1))
}

const runLibrary = (): void => {
  const argv = ['clickhouse', ...options]
  open({ library: 'chdb', path: engine.path })
  load({
    library: 'chdb',
    funcName: 'chdb_query_cmdline',
    retType: DataType.External,
    paramsType: [DataType.I32, DataType.StringArray],
    paramsValue: [argv.length, argv],
  })
  process.exit(1)
}

// The worker needs a turn of the loop to start before the call takes this thread for good.
setTimeout(engine.kind === 'binary' ? runBinary : runLibrary, 20)
