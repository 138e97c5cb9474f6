// A range through the pool, isolating what kills a worker. A message that fails twice alone is set aside; the range keeps
// its boundaries and so its token. Errors of the pool itself are not held against a message.
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'
import type { LogMessage } from '../streams/contracts/event-log.ts'
import type { DecodeInput, DecodeOutput, Poison } from './decode-contract.ts'
import type { Range } from './ranges.ts'

export interface DecodePort { decode(input: DecodeInput): Promise<DecodeOutput> }
export interface DecodeSettings { readonly logId: string; readonly maxAheadMs: number; readonly retentionMs: number }

export interface Decoded {
  readonly logs: readonly Uint8Array[]
  readonly partials: readonly Uint8Array[]
  readonly logRows: number
  readonly partialRows: number
  readonly poison: readonly Poison[]
}

const GUILTY: Readonly<Record<string, string>> = { WORKER_DIED: 'worker_died', DECODE_TIMEOUT: 'decode_timeout', DECODE_FAILED: 'decode_failed' }
const EMPTY: Decoded = { logs: [], partials: [], logRows: 0, partialRows: 0, poison: [] }

/** Why a failed decode counts against the messages that were in it; null when it does not. */
const guiltOf = (error: unknown): string | null =>
  error instanceof PermanentError || error instanceof TransientError ? GUILTY[error.code] ?? null : null

/** Only logs have rows of their own. */
export const isDecoded = (message: LogMessage): boolean => message.envelope.signal === 'otlp_logs' || message.envelope.signal === 'json_logs'

const toDecoded = (outputs: readonly DecodeOutput[], poison: readonly Poison[]): Decoded => ({
  logs: outputs.flatMap((output) => output.logs ?? []),
  partials: outputs.flatMap((output) => output.partials ?? []),
  logRows: outputs.reduce((sum, output) => sum + output.logRows, 0),
  partialRows: outputs.reduce((sum, output) => sum + output.partialRows, 0),
  poison: [...outputs.flatMap((output) => output.poison), ...poison].sort((a, b) => a.offset - b.offset),
})

export const decodeRange = async (range: Range, settings: DecodeSettings, pool: DecodePort): Promise<Decoded> => {
  const decode = (messages: readonly LogMessage[]): Promise<DecodeOutput> => pool.decode({
    logId: settings.logId, partition: range.partition, receiveDay: range.receiveDay, maxAheadMs: settings.maxAheadMs, retentionMs: settings.retentionMs, messages,
  })
  const attempt = async (messages: readonly LogMessage[]): Promise<DecodeOutput | string> => {
    try {
      return await decode(messages)
    } catch (error) {
      const guilt = guiltOf(error)
      if (guilt === null) throw error
      return guilt
    }
  }

  const messages = range.messages.filter(isDecoded)
  if (messages.length === 0) return EMPTY
  const whole = await attempt(messages)
  if (typeof whole !== 'string') return toDecoded([whole], [])

  const singles: DecodeOutput[] = []
  const poison: Poison[] = []
  const sound: LogMessage[] = []
  for (const message of messages) {
    let alone = await attempt([message])
    if (typeof alone === 'string') alone = await attempt([message])
    if (typeof alone === 'string') {
      poison.push({ offset: message.offset, reason: alone })
    } else {
      singles.push(alone)
      sound.push(message)
    }
  }
  if (sound.length === 0) return toDecoded([], poison)
  const rest = await attempt(sound)
  // Each alone is well and together they are not: the blocks one after the other are the same rows.
  return toDecoded(typeof rest === 'string' ? singles : [rest], poison)
}
