// What a group records beside its offset fits into what a broker takes by default, at its largest.
import { expect, test } from 'vitest'
import { encodeNote } from '../../../analytics/note.ts'
import { advance, MARK_GAP_MS, NO_PROGRESS } from '../../../analytics/marks.ts'
import { PermanentError } from '../../../streams/contracts/errors.ts'
import { decodeMetadata, encodeMetadata } from '../../../streams/kafka/group-metadata.ts'

/** `offset.metadata.max.bytes` of a broker that was not told otherwise. */
const BROKER_DEFAULT_BYTES = 4096

test('the largest state that a worker can have is within the default limit, and comes back', () => {
  let progress = NO_PROGRESS
  for (let at = 0; at < 500; at++) progress = advance(progress, 9_999_999_000_000 + at * (MARK_GAP_MS + 1))
  const offset = Number.MAX_SAFE_INTEGER - 1_000_000
  const state = {
    offset,
    open: [0, 1, 2, 3].map((n) => ({ first: offset + n * 50_000, last: offset + n * 50_000 + 49_999, ...(n === 0 ? {} : { shard: 99 }) })),
    note: encodeNote({ progress, deaths: [99, 99, 99, 99], isClosed: true }),
  }
  const metadata = encodeMetadata(state)
  expect(Buffer.byteLength(metadata)).toBeLessThan(BROKER_DEFAULT_BYTES / 2)
  expect(decodeMetadata(offset, metadata)).toEqual(state)
})

test('nothing to say is said with nothing', () => {
  expect(encodeMetadata({ offset: 5, open: [], note: '' })).toBe('')
  expect(decodeMetadata(5, '')).toEqual({ offset: 5, open: [], note: '' })
})

test('what others wrote counts as nothing open', () => {
  for (const text of ['by hand', '{}', '[]', 'null', '[[[1,"x"]],""]', '[[[1]],""]', '[[[1,2,"x"]],""]', '[[],5]'])
    expect(decodeMetadata(9, text)).toEqual({ offset: 9, open: [], note: '' })
})

test('a state above the limit is refused before it is sent', () => {
  expect(() => encodeMetadata({ offset: 0, open: [], note: 'x'.repeat(5000) })).toThrow(PermanentError)
})
