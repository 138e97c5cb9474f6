// `npm run -s dead-letters -- list | show ID`: what could not be decoded or stored, read through the running server's
// control socket. `show` writes the body as received to standard output, what is known about it to standard error.
import { parseArgs } from 'node:util'
import type { DeadLetterBody, DeadLetterPage } from '../api/services/dead-letters.ts'
import { callControlSocket, type ControlRequest } from '../process/control-socket.ts'
import { DEAD_LETTER_REASONS } from '../streams/contracts/dead-letters.ts'
import { runCommand } from './command.ts'

const reasons = Object.keys(DEAD_LETTER_REASONS)
const usage = `usage:
  npm run -s dead-letters -- list [--reason REASON] [--since 2030-01-01T00:00:00Z] [--until TIME] [--tenant NAME]
  npm run -s dead-letters -- show ID [--tenant NAME] > body
reasons: ${reasons.join(', ')}`

const RETENTION_MS = 30 * 86_400_000

/** @throws Error in words when an option is not what it should be. */
const toRequest = (argv: readonly string[], nowMs: number): ControlRequest | null => {
  const { values, positionals: [verb, id] } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { reason: { type: 'string' }, since: { type: 'string' }, until: { type: 'string' }, tenant: { type: 'string' } },
  })
  const [fromMs, toMs] = [values.since === undefined ? nowMs - RETENTION_MS : Date.parse(values.since), values.until === undefined ? nowMs : Date.parse(values.until)]
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new Error('--since and --until take RFC 3339 times')
  if (values.reason !== undefined && !reasons.includes(values.reason)) throw new Error(`no such reason: ${values.reason}`)
  if (verb === 'list') return { command: 'dead-letters.list', tenant: values.tenant, reason: values.reason, fromMs, toMs, after: null }
  if (verb === 'show' && id !== undefined) return { command: 'dead-letters.show', tenant: values.tenant, id }
  return null
}

/** @throws Error in the server's words, or when none runs. */
const call = async (dataDir: string, request: ControlRequest): Promise<unknown> => {
  const reply = await callControlSocket(dataDir, request)
  if (reply === null) throw new Error('no server runs on this data directory: dead letters are read through it')
  if (!reply.ok) throw new Error(reply.error)
  return reply.result
}

const list = async (dataDir: string, request: ControlRequest): Promise<void> => {
  for (let after: unknown = null; ;) {
    const page = await call(dataDir, { ...request, after }) as DeadLetterPage
    for (const one of page.deadLetters) console.log([one.id, one.receivedAt, one.signal, one.reason, `${one.bodyBytes} bytes`, one.detail].join('\t'))
    if (page.next === null) return
    after = page.next
  }
}

const show = async (dataDir: string, request: ControlRequest): Promise<void> => {
  const { bodyBase64, ...about } = await call(dataDir, request) as DeadLetterBody
  const body = Buffer.from(bodyBase64, 'base64')
  for (const [name, value] of Object.entries(about)) console.error(`${name}: ${value}`)
  if (about.bodyTruncated) console.error(`only the first ${body.byteLength} bytes of the body are kept`)
  process.stdout.write(body)
}

process.exitCode = await runCommand({
  usage,
  toRequest: (argv) => toRequest(argv, Date.now()),
  carryOut: ({ dataDir }, request) => (request.command === 'dead-letters.list' ? list : show)(dataDir, request),
})
