// What a group keeps beside its commit, small enough for the metadata of an offset commit: progress by marks, and how often
// a process ended while a range was open. An ordinary note holds the marks alone.
import type { Gap, Progress } from './marks.ts'
import { NO_PROGRESS } from './marks.ts'

export interface Note {
  readonly progress: Progress
  /** Process deaths with the range at work, for each open range in order. Missing at the end: none. */
  readonly deaths: readonly number[]
  /** Written when the consumer was closed with ranges open: that end is not a death. */
  readonly isClosed: boolean
}

type Marks = readonly [number, ...(readonly [number, number])[]]
interface Stored {
  readonly marks: Marks | null
  readonly deaths: readonly number[]
  readonly closed: boolean
}

const MAX_DEATHS = 99
const NOTHING: Note = { progress: NO_PROGRESS, deaths: [], isClosed: false }

const toMarks = ({ markMs, gaps }: Progress): Marks | null =>
  markMs === null ? null : [markMs, ...gaps.map(({ fromMs, toMs }): readonly [number, number] => [fromMs, toMs])]

const toProgress = (marks: Marks | null): Progress | null => {
  if (marks === null) return NO_PROGRESS
  const [markMs, ...gaps] = marks
  if (!Number.isFinite(markMs) || !gaps.every((gap) => Array.isArray(gap) && gap.length === 2)) return null
  return { markMs, gaps: gaps.map(([fromMs, toMs]): Gap => ({ fromMs, toMs })) }
}

export const encodeNote = ({ progress, deaths, isClosed }: Note): string => {
  const marks = toMarks(progress)
  if (isClosed || deaths.some((count) => count > 0)) {
    return JSON.stringify({ marks, deaths: deaths.map((count) => Math.min(count, MAX_DEATHS)), closed: isClosed } satisfies Stored)
  }
  return marks === null ? '' : JSON.stringify(marks)
}

/** A note that another version wrote counts as none: progress starts anew at the next mark. */
export const decodeNote = (note: string): Note => {
  try {
    const read = JSON.parse(note) as Marks | Stored
    const { marks, deaths, closed } = 'length' in read ? { marks: read, deaths: [], closed: false } : read
    const progress = toProgress(marks)
    if (progress === null || !deaths.every(Number.isSafeInteger) || typeof closed !== 'boolean') return NOTHING
    return { progress, deaths, isClosed: closed }
  } catch {
    return NOTHING
  }
}
