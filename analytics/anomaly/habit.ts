// What comes at the same minute of another hour, and is no larger and no longer than it was, is a habit: the hourly job, the
// nightly export. Its first time is an anomaly, its next ones are not. Pure; the last few episodes are remembered.

export interface Episode {
  readonly startMs: number
  readonly endMs: number
  /** Mean of the buckets when it was last seen. */ readonly level: number
}

const HOUR_MS = 3_600_000
const SAME_MINUTE_MS = 60_000
const REMEMBERED = 4
const LARGER = 2.5
const LONGER = 2

/** The episodes with this moment in them: the last one goes on, or a new one begins. */
export const remember = (episodes: readonly Episode[], startMs: number, atMs: number, level: number): Episode[] => {
  const last = episodes.at(-1)
  if (last !== undefined && startMs <= last.endMs + SAME_MINUTE_MS)
    return [...episodes.slice(0, -1), { startMs: last.startMs, endMs: atMs, level: Math.max(last.level, level) }]
  return [...episodes, { startMs, endMs: atMs, level }].slice(-REMEMBERED)
}

/** Whether the last episode repeats an earlier one. */
export const isHabit = (episodes: readonly Episode[]): boolean => {
  const last = episodes.at(-1)
  return (
    last !== undefined &&
    episodes.slice(0, -1).some((earlier) => {
      const apartMs = last.startMs - earlier.startMs
      const offMs = Math.abs(apartMs - Math.round(apartMs / HOUR_MS) * HOUR_MS)
      return (
        apartMs > HOUR_MS / 2 &&
        offMs <= SAME_MINUTE_MS &&
        last.level <= LARGER * earlier.level &&
        last.endMs - last.startMs <= LONGER * (earlier.endMs - earlier.startMs) + SAME_MINUTE_MS
      )
    })
  )
}
