// The state of a group for one partition as the metadata of its offset commit: open ranges and note, as JSON. Brokers take
// 4,096 bytes of it by default (`offset.metadata.max.bytes`); ours stays well below, so a commit is never refused for its size.
import type { GroupState } from '../contracts/consumer-group.ts'
import { PermanentError } from '../contracts/errors.ts'
import { packRange, unpackRange, type PackedRange } from '../contracts/open-range.ts'

const MAX_BYTES = 4096

/** First, last and perhaps shard of each range, then the note. */
export const encodeMetadata = ({ open, note }: GroupState): string => {
  const text = open.length === 0 && note === '' ? '' : JSON.stringify([open.map(packRange), note])
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new PermanentError('LOG_IO', `the metadata of a commit is ${Buffer.byteLength(text)} bytes, above ${MAX_BYTES}`)
  return text
}

/** What is none of ours counts as nothing open: somebody has set the group's offset by hand. */
export const decodeMetadata = (offset: number, metadata: string): GroupState => {
  try {
    const [open, note] = JSON.parse(metadata) as [PackedRange[], string]
    const ranges = open.map(unpackRange)
    if (typeof note === 'string' && ranges.every(({ first, last, shard = 0 }) => [first, last, shard].every(Number.isSafeInteger)))
      return { offset, open: ranges, note }
  } catch {
    /* falls through */
  }
  return { offset, open: [], note: '' }
}
