// A range through the pool, isolating what kills a worker. A message that fails twice alone is set aside; the range keeps
// its boundaries and so its token. Errors of the pool itself are not held against a message: they reject, for a new attempt.
import type { DeadLetterReason } from '../streams/contracts/dead-letters.ts'
import type { Signal } from '../streams/contracts/envelope.ts'
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'
import type { LogMessage } from '../streams/contracts/consumer-group.ts'
import type { DecodeInput, DecodeOutput, Poison, TemplateInsert } from './decode-contract.ts'
import type { Range } from './ranges.ts'
import { isAlerts } from './signals.ts'

export interface DecodePort {
  decode(input: DecodeInput): Promise<DecodeOutput>
}
export interface DecodeSettings {
  readonly logId: string
  readonly maxAheadMs: number
  readonly retentionMs: number
}

const GUILTY: Readonly<Record<string, DeadLetterReason>> = {
  WORKER_DIED: 'worker_died',
  CHILD_DIED: 'killed_process',
  DECODE_TIMEOUT: 'decode_timeout',
  DECODE_FAILED: 'decode_failed',
}
const EMPTY: DecodeOutput = {
  logs: null,
  spans: null,
  partials: null,
  templateCounts: null,
  logRows: 0,
  spanRows: 0,
  partialRows: 0,
  templateRows: 0,
  templates: [],
  poison: [],
}

/** Why a failed decode counts against the messages that were in it; null when it does not. */
const guiltOf = (error: unknown): DeadLetterReason | null =>
  error instanceof PermanentError || error instanceof TransientError ? (GUILTY[error.code] ?? null) : null

const DECODED: ReadonlySet<Signal> = new Set<Signal>(['otlp_logs', 'json_logs', 'otlp_traces'])
/** Only logs and traces have rows of their own. */
export const isDecoded = (message: Pick<LogMessage, 'envelope'>): boolean => DECODED.has(message.envelope.signal)

type Decode = (messages: readonly LogMessage[]) => Promise<DecodeOutput>

const decodeWith =
  (range: Range, settings: DecodeSettings, port: DecodePort): Decode =>
  (messages) =>
    port.decode({
      logId: settings.logId,
      partition: range.partition,
      receiveDay: range.receiveDay,
      maxAheadMs: settings.maxAheadMs,
      retentionMs: settings.retentionMs,
      messages,
    })

/** What the message is guilty of; null when it decodes. Decoders name a template once, so what they name is kept. */
const guiltOfAlone = async (message: LogMessage, decode: Decode, named: TemplateInsert[]): Promise<DeadLetterReason | null> => {
  try {
    const { templates, release } = await decode([message])
    named.push(...templates)
    release?.()
    return null
  } catch (error) {
    const guilt = guiltOf(error)
    if (guilt === null) throw error
    return guilt
  }
}

const isolate = async (messages: readonly LogMessage[], decode: Decode): Promise<DecodeOutput> => {
  const poison: Poison[] = []
  const named: TemplateInsert[] = []
  for (const message of messages) {
    const guilt = (await guiltOfAlone(message, decode, named)) === null ? null : await guiltOfAlone(message, decode, named)
    if (guilt !== null) poison.push({ offset: message.offset, reason: guilt })
  }
  const sound = messages.filter((message) => !poison.some(({ offset }) => offset === message.offset))
  if (sound.length === 0) return { ...EMPTY, poison }
  // As one block again: a token stands for one shape, several blocks under it would not count as its duplicate.
  const rest = await decode(sound)
  return { ...rest, templates: [...named, ...rest.templates], poison: [...rest.poison, ...poison].sort((a, b) => a.offset - b.offset) }
}

export const decodeRange = async (range: Range, settings: DecodeSettings, pool: DecodePort): Promise<DecodeOutput> => {
  const decode = decodeWith(range, settings, pool)
  const messages = range.messages.filter(isDecoded)
  if (messages.length === 0) return EMPTY
  try {
    return await decode(messages)
  } catch (error) {
    if (guiltOf(error) === null) throw error
  }
  return await isolate(messages, decode)
}

/** For a range that processes died of. Nothing of it is decoded outside the child, and no alert is read here that was not read there. */
export const decodeOneByOne = (range: Range, settings: DecodeSettings, child: DecodePort): Promise<DecodeOutput> =>
  isolate(
    range.messages.filter((message) => isDecoded(message) || isAlerts(message)),
    decodeWith(range, settings, child),
  )
