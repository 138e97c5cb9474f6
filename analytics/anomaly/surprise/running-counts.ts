// Counts in numbered buckets whose sum from below is asked far more often than any of them: a binary indexed tree (Fenwick,
// Software: Practice and Experience 24(3), 1994). Adding and summing are O(log n), in the memory that the counts alone would take.

/** Slot i holds the sum of its bucket, i - 1, and of as many below as the lowest bit of i says; slot 0 stays empty. */
export type RunningCounts = Uint32Array

export const newRunningCounts = (buckets: number): RunningCounts => new Uint32Array(buckets + 1)

export const countOne = (tree: RunningCounts, bucket: number): void => {
  for (let i = bucket + 1; i < tree.length; i += i & -i) tree[i]++
}

/** How many are in the buckets below this one. */
export const countBelow = (tree: RunningCounts, bucket: number): number => {
  let sum = 0
  for (let i = bucket; i > 0; i &= i - 1) sum += tree[i]
  return sum
}

/** The count of each bucket, written into `counts`: one element for each. */
export const readCounts = (tree: RunningCounts, counts: Uint32Array): void => {
  for (let i = 1; i < tree.length; i++) counts[i - 1] = tree[i]
  // Downwards: each is taken out of its parent while it is still whole itself.
  for (let i = tree.length - 1; i > 0; i--) {
    const parent = i + (i & -i)
    if (parent < tree.length) counts[parent - 1] -= counts[i - 1]
  }
}
