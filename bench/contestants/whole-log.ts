// An event log from its beginning to its end, whatever it lies on.
import type { LogMessage } from '../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'
import { GROUPS } from '../../streams/open-event-log.ts'
import { inflate, type BodyCompression } from '../load/encoded.ts'

const READ_BYTES = 8 * 1024 * 1024
const WAIT_MS = 200
const COMPRESSION: Record<string, BodyCompression> = { identity: 'none', gzip: 'gzip', zstd: 'zstd' }

export const plainBody = ({ envelope, body }: LogMessage): Buffer =>
  inflate[COMPRESSION[envelope.compression]](Buffer.from(body.buffer, body.byteOffset, body.byteLength))

/** Calls `take` with every message of logs. @throws Error when the end is not met within `maxMs`. */
export const readWholeLog = async (log: EventLog, maxMs: number, take: (message: LogMessage) => void): Promise<void> => {
  const ends = (await log.lag(GROUPS[0])).map(({ end }) => end)
  const open = new Set(ends.keys())
  const deadline = Date.now() + maxMs
  let finish: () => void
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const membership = await log.join(GROUPS[0], async (assignment) => {
    let from = (await assignment.state()).offset
    while (from < ends[assignment.partition] && Date.now() < deadline && !assignment.lost.aborted) {
      const messages = await assignment.read({ from, maxBytes: READ_BYTES, maxMessages: 1000 })
      for (const message of messages) if (message.envelope.signal === 'otlp_logs') take(message)
      if (messages.length === 0) await assignment.waitFor(from, WAIT_MS)
      else from = messages.at(-1)!.offset + 1
    }
    if (from >= ends[assignment.partition]) open.delete(assignment.partition)
    if (open.size === 0 || Date.now() >= deadline) finish()
  })
  await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, maxMs).unref())])
  await membership.close()
  if (open.size > 0) throw new Error(`the end of ${open.size} partitions was not met`)
}
