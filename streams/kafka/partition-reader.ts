// One partition as messages of ours. It looks ahead while it waits: what came is read from memory. A topic can be written by others:
// what has no envelope of ours is a hole in the offsets, told once and passed over, so that nobody can stop a partition.
import type { LogMessage } from '../contracts/consumer-group.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { decodeEnvelope } from '../envelope.ts'
import type { Given, Incoming } from './driver.ts'

export interface ReaderLog {
  warn(fields: object, message: string): void
}
interface Ours {
  readonly message: Incoming
  readonly envelope: Envelope
}

/** A fetch waits no longer, so that a partition that is lost is let go of soon. */
const MAX_WAIT_MS = 1000

export const readEnvelope = ({ header }: Incoming): Envelope | null => {
  try {
    return decodeEnvelope(header)
  } catch {
    return null
  }
}
/** A copy that owns its memory: what was fetched is kept no longer than it is wanted. */
const toMessage = ({ message, envelope }: Ours): LogMessage => ({ offset: message.offset, envelope, body: Uint8Array.from(message.value) })

export const createPartitionReader = (given: Pick<Given, 'partition' | 'lost' | 'fetch'>, logger: ReaderLog) => {
  let ahead: { readonly from: number; readonly messages: readonly Ours[] } | null = null
  /** From `from` to before `next` there is nothing of ours. */
  let hole = { from: -1, next: -1 }

  const fetch = async (from: number, maxBytes: number, waitMs: number): Promise<readonly Ours[]> => {
    const kept = ahead
    ahead = null
    if (kept?.from === from) return kept.messages
    for (;;) {
      const start = hole.from === from ? hole.next : from
      const fetched = await given.fetch({ from: start, maxBytes, waitMs })
      const ours = fetched.flatMap((message): Ours[] => {
        const envelope = readEnvelope(message)
        return envelope === null ? [] : [{ message, envelope }]
      })
      if (ours.length < fetched.length)
        logger.warn(
          { partition: given.partition, from: start, messages: fetched.length - ours.length },
          'messages that are not ours are passed over',
        )
      if (fetched.length === 0 || ours.length > 0) return ours
      hole = { from, next: fetched[fetched.length - 1].offset + 1 }
    }
  }
  return {
    read: async (from: number, maxBytes: number, maxMessages: number): Promise<readonly LogMessage[]> => {
      const fetched = await fetch(from, maxBytes, 0)
      let bytes = 0
      const tooMany = fetched.findIndex(
        ({ message: { value, header } }, at) => (bytes += value.byteLength + header.byteLength) > maxBytes || at >= maxMessages,
      )
      const taken = tooMany < 0 ? fetched : fetched.slice(0, Math.max(1, tooMany))
      const rest = fetched.slice(taken.length)
      if (rest.length > 0) ahead = { from: taken[taken.length - 1].message.offset + 1, messages: rest }
      return taken.map(toMessage)
    },
    waitFor: async (from: number, timeoutMs: number, maxBytes: number): Promise<void> => {
      if (ahead?.from === from) return
      for (const deadline = Date.now() + timeoutMs; !given.lost.aborted;) {
        const messages = await fetch(from, maxBytes, Math.max(1, Math.min(MAX_WAIT_MS, deadline - Date.now()))).catch((error: unknown) => {
          // What waits for a partition that is lost ends with its connection.
          if (!given.lost.aborted) throw error
          return []
        })
        if (messages.length > 0) ahead = { from, messages }
        if (messages.length > 0 || Date.now() >= deadline) return
      }
    },
  }
}
