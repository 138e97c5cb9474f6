import { describe, expect, it } from 'vitest'
import { advance, NO_PROGRESS } from '../../../analytics/marks.ts'
import { decodeNote, encodeNote } from '../../../analytics/note.ts'

const T0 = Date.UTC(2026, 10, 25, 12)
const long = Array.from({ length: 500 }, (_, at) => T0 + at * 100_000).reduce(advance, NO_PROGRESS)

describe('the note beside a commit', () => {
  it('keeps progress, deaths of open ranges and a clean end, and stays small', () => {
    for (const progress of [NO_PROGRESS, advance(NO_PROGRESS, T0), long]) {
      for (const note of [
        { progress, deaths: [0, 3, 1], isClosed: false },
        { progress, deaths: [], isClosed: true },
        { progress, deaths: [2, 2, 2, 2], isClosed: true },
      ]) {
        expect(decodeNote(encodeNote(note))).toEqual(note)
        expect(encodeNote(note).length).toBeLessThan(2000)
      }
    }
  })

  it('is the marks alone, or nothing, while no process died', () => {
    expect(encodeNote({ progress: NO_PROGRESS, deaths: [0, 0], isClosed: false })).toBe('')
    expect(encodeNote({ progress: { markMs: T0, gaps: [{ fromMs: 0, toMs: T0 }] }, deaths: [0], isClosed: false })).toBe(
      `[${T0},[0,${T0}]]`,
    )
    expect(decodeNote(encodeNote({ progress: long, deaths: [], isClosed: false }))).toEqual({ progress: long, deaths: [], isClosed: false })
  })

  it('of another version counts as none', () => {
    for (const note of ['', 'x', '{"other":1}', '[1,2]', '{"marks":null,"deaths":["x"],"closed":false}', 'null'])
      expect(decodeNote(note)).toEqual({ progress: NO_PROGRESS, deaths: [], isClosed: false })
  })
})
