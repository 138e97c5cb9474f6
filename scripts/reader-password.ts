// `npm run -s reader-password`: the password of the local ClickHouse's SELECT-only user `reader`, from the running server.
import { loadConfig } from '../config.ts'
import { callControlSocket } from '../process/control-socket.ts'

const reply = await callControlSocket(loadConfig(process.env).dataDir, { command: 'reader.password' })
if (reply?.ok) console.log((reply.result as { password: string }).password)
else {
  console.error(
    reply === null
      ? 'no server runs on this data directory: the password is made at each start unless LAPWING_READER_PASSWORD is set'
      : reply.error,
  )
  process.exitCode = 1
}
