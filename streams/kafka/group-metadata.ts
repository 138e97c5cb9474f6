// The state of a group for one partition as the metadata of its offset commit: open ranges and note, as JSON. Brokers take
// 4,096 bytes of it by default (`offset.metadata.max.bytes`); ours stays well below, so a commit is never refused for its size.
import type { GroupState, OpenRange } from '../contracts/event-log.ts'
import { PermanentError } from '../contracts/errors.ts'

const MAX_BYTES = 4096

/** Pairs of first and last, then the note. */
export const encodeMetadata = ({ open, note }: GroupState): string => {
  const text = open.length === 0 && note === '' ? '' : JSON.stringify([open.map(({ first, last }) => [first, last]), note])
  if (Buffer.byteLength(text) > MAX_BYTES) throw new PermanentError('LOG_IO', `the metadata of a commit is ${Buffer.byteLength(text)} bytes, above ${MAX_BYTES}`)
  return text
}

/** What is none of ours counts as nothing open: somebody has set the group's offset by hand. */
export const decodeMetadata = (offset: number, metadata: string): GroupState => {
  try {
    const [open, note] = JSON.parse(metadata) as [[number, number][], string]
    const ranges = open.map(([first, last]): OpenRange => ({ first, last }))
    if (typeof note === 'string' && ranges.every(({ first, last }) => Number.isSafeInteger(first) && Number.isSafeInteger(last))) return { offset, open: ranges, note }
  } catch { /* falls through */ }
  return { offset, open: [], note: '' }
}
