// What a series usually is at this time of day and at this hour of the week (UTC): one mean for each slot, moved at the end
// of a visit. Used from the first repeat; of the two, the one that has been closer lately.

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const DAY_SLOTS = 96
const WEEK_SLOTS = 168
/** A visit moves its slot's mean by at least this share: habits of months ago fade. */
const LEAST_WEIGHT = 0.2
/** A profile is asked once it has been right or wrong this often. */
const LEAST_JUDGED = 5
/** Times the error (or the least scale) that a value may move its slot's mean by: one wild hour must not be what is expected of the next day. */
const MOST = 5

export interface Profile {
  readonly means: Float32Array
  readonly visits: Uint8Array
  /** The slot of now (-1: none yet), sum and number of its points; mean absolute error and on how many points it rests. */ readonly now: Float64Array
}
const SLOT = 0
const SUM = 1
const POINTS = 2
const ERROR = 3
const JUDGED = 4

export interface Season {
  readonly day: Profile
  readonly week: Profile
}
const newProfile = (slots: number): Profile => ({
  means: new Float32Array(slots),
  visits: new Uint8Array(slots),
  now: Float64Array.of(-1, 0, 0, 0, 0),
})
export const newSeason = (): Season => ({ day: newProfile(DAY_SLOTS), week: newProfile(WEEK_SLOTS) })

/** From 0 below `cycle`, before 1970 too. A third of what `%` costs, which is a call of the C library for numbers of this size. */
const within = (value: number, cycle: number): number => value - cycle * Math.floor(value / cycle)
const daySlot = (atMs: number): number => Math.floor(within(atMs, DAY_MS) / (DAY_MS / DAY_SLOTS))
const weekSlot = (atMs: number): number => within(Math.floor(atMs / HOUR_MS), WEEK_SLOTS)

export interface Expectation {
  readonly value: number
  /** Mean absolute error of this profile lately. */ readonly error: number
  /** How often this time of the day or week has been seen. */ readonly visits: number
}

/** Null until a slot repeats. */
export const expectedAt = ({ day, week }: Season, atMs: number): Expectation | null => {
  const inDay = daySlot(atMs)
  const inWeek = weekSlot(atMs)
  const byDay = day.visits[inDay] > 0 && day.now[JUDGED] >= LEAST_JUDGED
  const byWeek = week.visits[inWeek] > 0 && week.now[JUDGED] >= LEAST_JUDGED
  if (byWeek && (!byDay || week.now[ERROR] < day.now[ERROR]))
    return { value: week.means[inWeek], error: week.now[ERROR], visits: week.visits[inWeek] }
  return byDay ? { value: day.means[inDay], error: day.now[ERROR], visits: day.visits[inDay] } : null
}

const visit = ({ means, visits, now }: Profile, slot: number, value: number, memory: number, floor: number): void => {
  if (visits[slot] > 0) {
    now[ERROR] += Math.max(1 / (now[JUDGED] + 1), 1 / memory) * (Math.abs(value - means[slot]) - now[ERROR])
    now[JUDGED]++
  }
  if (now[SLOT] !== slot) {
    const left = now[SLOT]
    if (left >= 0) {
      const mean = now[SUM] / now[POINTS]
      means[left] += visits[left] === 0 ? mean - means[left] : Math.max(LEAST_WEIGHT, 1 / (visits[left] + 1)) * (mean - means[left])
      visits[left] = Math.min(255, visits[left] + 1)
    }
    now[SLOT] = slot
    now[SUM] = 0
    now[POINTS] = 0
  }
  const limit = MOST * Math.max(now[ERROR], floor)
  now[SUM] += visits[slot] > 0 && now[JUDGED] >= LEAST_JUDGED ? Math.min(means[slot] + limit, Math.max(means[slot] - limit, value)) : value
  now[POINTS]++
}

/** `memory`: points over which the errors are averaged. `floor`: the least scale, in the series' unit. */
export const learnSeason = (season: Season, atMs: number, value: number, memory: number, floor: number): void => {
  visit(season.day, daySlot(atMs), value, memory, floor)
  visit(season.week, weekSlot(atMs), value, memory, floor)
}
