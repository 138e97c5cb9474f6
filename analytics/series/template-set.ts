// The distinct templates of a range, numbered: open addressing over 64-bit hashes in two halves. Number 0, of hash 0, stands for
// those beyond the bound.

export const MAX_DISTINCT = 10_000

export interface Templates {
  /** Number of the template with this hash, new or known; 0 when there are too many. */
  numberOf(low: number, high: number): number
  /** Half-words of template i at 2i and 2i + 1. */
  halves(): Uint32Array
  /** Whoever noted a template last: the caller's. */
  readonly lastOwner: object[]
}

export const createTemplates = (): Templates => {
  let halves = new Uint32Array(512)
  let table = new Uint32Array(1024)
  let count = 1
  const lastOwner: object[] = []
  const slotOf = (low: number, high: number): number => {
    const mask = table.length - 1
    let slot = low & mask
    for (; table[slot] !== 0; slot = (slot + 1) & mask) {
      const at = 2 * (table[slot] - 1)
      if (halves[at] === low && halves[at + 1] === high) break
    }
    return slot
  }
  const grow = (): void => {
    const larger = new Uint32Array(2 * halves.length)
    larger.set(halves)
    halves = larger
    table = new Uint32Array(2 * table.length)
    for (let i = 1; i < count; i++) table[slotOf(halves[2 * i], halves[2 * i + 1])] = i + 1
  }
  return {
    lastOwner,
    halves: () => halves.subarray(0, 2 * count),
    numberOf: (low, high) => {
      const slot = slotOf(low, high)
      if (table[slot] !== 0) return table[slot] - 1
      if (count > MAX_DISTINCT) return 0
      if (2 * (count + 1) > halves.length) {
        grow()
        return add(slotOf(low, high), low, high)
      }
      return add(slot, low, high)
    },
  }
  function add(slot: number, low: number, high: number): number {
    halves[2 * count] = low
    halves[2 * count + 1] = high
    table[slot] = count + 1
    return count++
  }
}
