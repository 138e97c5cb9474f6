// The detector's state as bytes and back: a version, then every array as it lies in memory, little-endian. What comes of it
// judges exactly as the original would.
import { newSurpriseState, type SurpriseState } from './surprise.ts'

const VERSION = 2

type Numbers = Float64Array | Float32Array | Uint32Array | Uint8Array
const arraysOf = ({ numbers, tails, season: { day, week }, rolling }: SurpriseState): Uint8Array[] => {
  const arrays: Numbers[] = [
    numbers,
    rolling.ring,
    rolling.sums,
    ...tails.map((tail) => tail.fit),
    day.now,
    week.now,
    ...tails.map((tail) => tail.counts),
    day.means,
    week.means,
    day.visits,
    week.visits,
  ]
  return arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
}
const lengthOf = (arrays: readonly Uint8Array[]): number => 1 + arrays.reduce((sum, array) => sum + array.length, 0)

const write = (arrays: readonly Uint8Array[], bytes: Uint8Array): void => {
  bytes[0] = VERSION
  let at = 1
  for (const array of arrays) {
    bytes.set(array, at)
    at += array.length
  }
}
const readInto = (arrays: readonly Uint8Array[], bytes: Uint8Array): void => {
  let at = 1
  for (const array of arrays) {
    array.set(bytes.subarray(at, at + array.length))
    at += array.length
  }
}

export const encodeSurprise = (state: SurpriseState): Uint8Array => {
  const arrays = arraysOf(state)
  const bytes = new Uint8Array(lengthOf(arrays))
  write(arrays, bytes)
  return bytes
}

const isWhole = (bytes: Uint8Array, length: number): boolean => bytes[0] === VERSION && bytes.length === length

/** Null where the bytes are of another version, or not whole. */
export const decodeSurprise = (bytes: Uint8Array): SurpriseState | null => {
  const state = newSurpriseState()
  const arrays = arraysOf(state)
  if (!isWhole(bytes, lengthOf(arrays))) return null
  readInto(arrays, bytes)
  return state
}

export interface SurpriseBytes {
  fresh(): Uint8Array
  isWhole(bytes: Uint8Array): boolean
  /** What the step makes of the state is written back into the bytes. */
  change<T>(bytes: Uint8Array, step: (state: SurpriseState) => T): T
  /** The bytes stay as they are. */
  try<T>(bytes: Uint8Array, step: (state: SurpriseState) => T): T
}

/** Many detectors lie as bytes and are opened one at a time: as objects, their 18 arrays would weigh as much again as what is in them. */
export const createSurpriseBytes = (): SurpriseBytes => {
  const state = newSurpriseState()
  const arrays = arraysOf(state)
  const length = lengthOf(arrays)
  const open = <T>(bytes: Uint8Array, step: (state: SurpriseState) => T): T => {
    readInto(arrays, bytes)
    return step(state)
  }
  return {
    fresh: () => encodeSurprise(newSurpriseState()),
    isWhole: (bytes) => isWhole(bytes, length),
    try: open,
    change: (bytes, step) => {
      const result = open(bytes, step)
      write(arrays, bytes)
      return result
    },
  }
}
