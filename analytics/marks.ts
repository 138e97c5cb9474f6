// How far a partition is consumed, in receive time. Ingest appends a mark to every partition every 5 s while it listens:
// a consumed mark proves progress up to its time, and a stretch without one is time in which nothing can be missed.
// Kept in the group's note, so it is as durable as the commit.

/** Longer than two marks apart: ingest did not listen. */
export const MARK_GAP_MS = 12_000
/** More than this and the oldest two become one, which only extends deadlines. */
const MAX_GAPS = 32

export interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

export interface Progress {
  /** Receive time of the newest consumed mark; null before the first. */
  readonly markMs: number | null
  /** Stretches without marks, ascending, not overlapping. */
  readonly gaps: readonly Gap[]
}

export const NO_PROGRESS: Progress = { markMs: null, gaps: [] }

const merged = (gaps: readonly Gap[]): readonly Gap[] =>
  gaps.length <= MAX_GAPS ? gaps : [{ fromMs: gaps[0].fromMs, toMs: gaps[1].toMs }, ...gaps.slice(2)]

/** An older mark than the newest changes nothing, so a replay does not either. */
export const advance = (progress: Progress, receivedAtMs: number): Progress => {
  if (progress.markMs === null) return { markMs: receivedAtMs, gaps: [{ fromMs: 0, toMs: receivedAtMs }] }
  if (receivedAtMs <= progress.markMs) return progress
  const apart = receivedAtMs - progress.markMs
  const gaps = apart > MARK_GAP_MS ? merged([...progress.gaps, { fromMs: progress.markMs, toMs: receivedAtMs }]) : progress.gaps
  return { markMs: receivedAtMs, gaps }
}

/** `startMs + durationMs`, counting only time in which marks came. */
export const deadlineAfter = (progress: Progress, startMs: number, durationMs: number): number =>
  progress.gaps.reduce(
    (deadline, gap) => (gap.toMs > startMs && gap.fromMs < deadline ? deadline + gap.toMs - Math.max(gap.fromMs, startMs) : deadline),
    startMs + durationMs,
  )
