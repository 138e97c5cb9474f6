// The child process: ClickHouse's shared library run as `clickhouse local` with its HTTP port open. The call never returns,
// so a thread of its own ends the process when the parent is gone. Arguments: one JSON object.
import { DataType, load, open } from 'ffi-rs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'

interface ChildConfig { readonly path: string; readonly host: string; readonly port: number; readonly configFile: string; readonly parentPid: number }

const config = JSON.parse(process.argv[2]) as ChildConfig
const require = createRequire(import.meta.url)
const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
const library = join(dirname(require.resolve(`@chdb/lib-${platform}/package.json`, { paths: [dirname(require.resolve('chdb/package.json'))] })), process.platform === 'darwin' ? 'libchdb.dylib' : 'libchdb.so')

new Worker(`
  const { parentPid } = require('node:worker_threads').workerData
  setInterval(() => { if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL') }, 500)
`, { eval: true, workerData: { parentPid: config.parentPid } })

// The second statement keeps the process alive without the FILE privilege that a read from stdin would need.
const query = 'SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM numbers(1000000000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 3000000000000 FORMAT Null'
const argv = ['clickhouse', `--path=${config.path}`, `--listen_host=${config.host}`, `--http_port=${config.port}`, `--config-file=${config.configFile}`, '--query', query]
open({ library: 'chdb', path: library })
// The worker above needs a turn of the loop to start before the call takes this thread for good.
setTimeout(() => {
  load({ library: 'chdb', funcName: 'chdb_query_cmdline', retType: DataType.External, paramsType: [DataType.I32, DataType.StringArray], paramsValue: [argv.length, argv] })
  process.exit(1)
}, 20)
