// The word that was probably meant: at most two edits away, or the only one that begins so, so that an error can say it.

/** Damerau-Levenshtein with adjacent swaps; stops caring beyond `limit`. */
const distance = (left: string, right: string, limit: number): number => {
  if (Math.abs(left.length - right.length) > limit) return limit + 1
  let before: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const next = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let cost = Math.min(last[column] + 1, next[column - 1] + 1, last[column - 1] + (same ? 0 : 1))
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        cost = Math.min(cost, before[column - 2] + 1)
      next.push(cost)
    }
    before = last
    last = next
  }
  return last[right.length]
}

const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9*]/g, '')

/** Case and punctuation count for nothing: `serviceId` is near `service_id`. Null when nothing is near, or the word is as good as nothing. */
export const nearest = (word: string, allowed: readonly string[], limit = 2): string | null => {
  if (word === '' || word.length > 64) return null
  const wanted = plain(word)
  let best: string | null = null
  let least = limit + 1
  for (const candidate of allowed) {
    const cost = distance(wanted, plain(candidate), limit)
    if (cost < least && cost < candidate.length) [best, least] = [candidate, cost]
  }
  if (best !== null || wanted.length < 3) return best
  const begun = allowed.filter((candidate) => plain(candidate).startsWith(wanted))
  return begun.length === 1 ? begun[0] : null
}
