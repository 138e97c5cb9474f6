// An open range as a small array, as both logs write it beside a commit: first, last, and its shard where it has one.
import type { OpenRange } from './consumer-group.ts'

export type PackedRange = readonly [first: number, last: number, shard?: number]

export const packRange = ({ first, last, shard }: OpenRange): PackedRange => (shard === undefined ? [first, last] : [first, last, shard])
export const unpackRange = ([first, last, shard]: PackedRange): OpenRange =>
  shard === undefined ? { first, last } : { first, last, shard }
