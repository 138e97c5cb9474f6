// `npm run -s dead-letters -- list | show | replay`: what could not be decoded or stored, read and put back through the running server's
// control socket, or on the servers themselves where all parts are servers. `show` writes the body as received to standard output, what is
// known about it to standard error.
import { parseArgs } from 'node:util'
import type { Replay } from '../api/services/dead-letter-replay.ts'
import type { DeadLetterBody } from '../api/services/dead-letters.ts'
import type { ListedDeadLetter, ListedDeadLetterPage } from '../process/control-plane-commands.ts'
import type { ControlHandler, ControlRequest } from '../process/control-socket.ts'
import { createLogger } from '../process/logger.ts'
import { withServerCommands } from '../process/server-commands.ts'
import { DEAD_LETTER_REASONS } from '../streams/contracts/dead-letters.ts'
import { runCommand } from './command.ts'

const reasons = Object.keys(DEAD_LETTER_REASONS)
const usage = `usage:
  npm run -s dead-letters -- list [--reason REASON] [--since 2030-01-01T00:00:00Z] [--until TIME] [--tenant NAME]
  npm run -s dead-letters -- show ID [--tenant NAME] > body
  npm run -s dead-letters -- replay ID… | --reason REASON | --all [--since TIME] [--until TIME] [--again] [--dry-run] [--tenant NAME]
reasons: ${reasons.join(', ')}
replay puts them back into the log as they were received, once; --again also those that were replayed.`

const RETENTION_MS = 30 * 86_400_000
const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const

/** @throws Error in words when an option is not what it should be. */
const toRequest = (argv: readonly string[], nowMs: number): ControlRequest | null => {
  const {
    values,
    positionals: [verb, ...ids],
  } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { reason: text, since: text, until: text, tenant: text, all: flag, again: flag, 'dry-run': flag },
  })
  const { tenant, reason, all = false, again = false } = values
  const [fromMs, toMs] = [
    values.since === undefined ? nowMs - RETENTION_MS : Date.parse(values.since),
    values.until === undefined ? nowMs : Date.parse(values.until),
  ]
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new Error('--since and --until take RFC 3339 times')
  if (reason !== undefined && !reasons.includes(reason)) throw new Error(`no such reason: ${reason}`)
  if (verb === 'list') return { command: 'dead-letters.list', tenant, reason, fromMs, toMs, after: null }
  if (verb === 'show' && ids.length === 1) return { command: 'dead-letters.show', tenant, id: ids[0] }
  if (verb !== 'replay') return null
  if ([ids.length > 0, reason !== undefined, all].filter(Boolean).length !== 1) throw new Error('replay takes ids, or --reason, or --all')
  return { command: 'dead-letters.replay', tenant, reason, fromMs, toMs, ids, again, dryRun: values['dry-run'] ?? false }
}

async function* pagesOf(
  ask: ControlHandler,
  { tenant, reason, fromMs, toMs }: ControlRequest,
): AsyncGenerator<readonly ListedDeadLetter[]> {
  for (let after: unknown = null; ;) {
    const page = (await ask({ command: 'dead-letters.list', tenant, reason, fromMs, toMs, after })) as ListedDeadLetterPage
    yield page.deadLetters
    if (page.next === null) return
    after = page.next
  }
}

const list = async (ask: ControlHandler, request: ControlRequest): Promise<void> => {
  for await (const page of pagesOf(ask, request)) {
    for (const one of page)
      console.log(
        [
          one.id,
          one.receivedAt,
          one.signal,
          one.reason,
          `${one.bodyBytes} bytes`,
          one.detail,
          ...(one.replayedAt === null ? [] : [`replayed ${one.replayedAt}`]),
        ].join('\t'),
      )
  }
}

const show = async (ask: ControlHandler, request: ControlRequest): Promise<void> => {
  const { bodyBase64, ...about } = (await ask(request)) as DeadLetterBody
  const body = Buffer.from(bodyBase64, 'base64')
  for (const [name, value] of Object.entries(about)) console.error(`${name}: ${value}`)
  if (about.bodyTruncated) console.error(`only the first ${body.byteLength} bytes of the body are shown`)
  process.stdout.write(body)
}

const toWords = (replay: Replay): string => {
  switch (replay.outcome) {
    case 'replayed':
      return `replayed to ${replay.position}`
    case 'would_be_replayed':
      return 'would be replayed'
    case 'already_replayed':
      return `replayed ${replay.at} ${replay.position === null ? '(not known whether it arrived)' : `to ${replay.position}`}: --again does it again`
    case 'not_found':
      return 'no such dead letter of this tenant'
    case 'not_whole':
      return 'set aside by an earlier version, which did not keep all of it'
  }
}

/** One at a time; what was asked for by its id and is not replayed makes the command fail. */
const replay = async (ask: ControlHandler, { ids, ...request }: ControlRequest): Promise<void> => {
  const named = ids as readonly string[]
  let missed = 0
  const put = async (id: string): Promise<void> => {
    const result = (await ask({ ...request, id })) as Replay
    console.log(`${id}\t${toWords(result)}`)
    if (result.outcome !== 'replayed' && result.outcome !== 'would_be_replayed') missed += 1
  }
  for (const id of named) await put(id)
  if (named.length === 0) for await (const page of pagesOf(ask, request)) for (const { id } of page) await put(id)
  if (named.length > 0 && missed > 0) throw new Error(`${missed} of ${named.length} not replayed`)
}

const VERBS: Readonly<Record<string, (ask: ControlHandler, request: ControlRequest) => Promise<void>>> = {
  'dead-letters.list': list,
  'dead-letters.show': show,
  'dead-letters.replay': replay,
}

process.exitCode = await runCommand({
  usage,
  toRequest: (argv) => toRequest(argv, Date.now()),
  carryOut: (config, request) => withServerCommands(config, createLogger('warn'), (ask) => VERBS[request.command](ask, request)),
})
