// What a group may record for a partition, whatever carries the log.
import type { GroupState } from './contracts/consumer-group.ts'

const MAX_OPEN_RANGES = 4

/** @throws RangeError when ranges are not contiguous from the offset, or more than four. */
export const assertState = (state: GroupState): void => {
  let next = state.offset
  for (const { first, last } of state.open) {
    if (first !== next || last < first) throw new RangeError('open ranges are not contiguous from the committed offset')
    next = last + 1
  }
  if (state.open.length > MAX_OPEN_RANGES) throw new RangeError(`more than ${MAX_OPEN_RANGES} open ranges`)
  if (!Number.isSafeInteger(next) || state.offset < 0) throw new RangeError('not an offset')
}
