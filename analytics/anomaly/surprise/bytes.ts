// The detector's state as bytes and back: a version, then every array as it lies in memory, little-endian. What comes of it
// judges exactly as the original would.
import { newSurpriseState, type SurpriseState } from './surprise.ts'

const VERSION = 1

type Numbers = Float64Array | Float32Array | Uint8Array
const arraysOf = ({ numbers, tails, season: { day, week }, rolling }: SurpriseState): Numbers[] =>
  [numbers, rolling.ring, rolling.sums, ...tails.map((tail) => tail.fit), day.now, week.now, ...tails.map((tail) => tail.counts), day.means, week.means, day.visits, week.visits]

const bytesOf = (array: Numbers): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

export const encodeSurprise = (state: SurpriseState): Uint8Array => {
  const arrays = arraysOf(state)
  const bytes = new Uint8Array(1 + arrays.reduce((sum, array) => sum + array.byteLength, 0))
  bytes[0] = VERSION
  let at = 1
  for (const array of arrays) {
    bytes.set(bytesOf(array), at)
    at += array.byteLength
  }
  return bytes
}

/** Null where the bytes are of another version, or not whole. */
export const decodeSurprise = (bytes: Uint8Array): SurpriseState | null => {
  const state = newSurpriseState()
  const arrays = arraysOf(state)
  if (bytes[0] !== VERSION || bytes.length !== 1 + arrays.reduce((sum, array) => sum + array.byteLength, 0)) return null
  let at = 1
  for (const array of arrays) {
    bytesOf(array).set(bytes.subarray(at, at + array.byteLength))
    at += array.byteLength
  }
  return state
}
