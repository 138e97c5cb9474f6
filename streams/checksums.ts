// The checksums of LZ4 and snappy frames. Node has neither; each is as fast as decoding is, or faster.

const POLYNOMIAL = 0x82f63b78
/** Row k: what a byte does to the checksum when k more bytes follow it, so that eight are taken at a time. */
const tables = Array.from({ length: 8 }, () => new Uint32Array(256))
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  tables[0][byte] = value
}
for (let byte = 0; byte < 256; byte++)
  for (let row = 1; row < 8; row++) tables[row][byte] = tables[0][tables[row - 1][byte] & 255] ^ (tables[row - 1][byte] >>> 8)
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables

/** CRC-32C (Castagnoli) of bytes[start, end), unsigned. Slicing by 8, after https://doi.org/10.1109/TC.2008.85 */
export const crc32c = (bytes: Uint8Array, start = 0, end = bytes.length): number => {
  let crc = -1
  let at = start
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    crc =
      t7[crc & 255] ^
      t6[(crc >>> 8) & 255] ^
      t5[(crc >>> 16) & 255] ^
      t4[crc >>> 24] ^
      t3[bytes[at + 4]] ^
      t2[bytes[at + 5]] ^
      t1[bytes[at + 6]] ^
      t0[bytes[at + 7]]
  }
  for (; at < end; at++) crc = t0[(crc ^ bytes[at]) & 255] ^ (crc >>> 8)
  return ~crc >>> 0
}

const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1
const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
const round = (lane: number, word: number): number => Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1)

/** xxHash32 with seed 0 of bytes[start, end), unsigned. https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
export const xxh32 = (bytes: Uint8Array, start = 0, end = bytes.length): number => {
  const word = (at: number): number => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
  let at = start
  let hash: number
  if (end - start >= 16) {
    let [a, b, c, d] = [(P1 + P2) | 0, P2 | 0, 0, -P1 | 0]
    for (; at + 16 <= end; at += 16) {
      a = round(a, word(at))
      b = round(b, word(at + 4))
      c = round(c, word(at + 8))
      d = round(d, word(at + 12))
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
  } else hash = P5
  hash = (hash + (end - start)) | 0
  for (; at + 4 <= end; at += 4) hash = Math.imul(rotate((hash + Math.imul(word(at), P3)) | 0, 17), P4)
  for (; at < end; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at], P5)) | 0, 11), P1)
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}
