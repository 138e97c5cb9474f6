// The snappy framing format: chunks of at most 64 KiB each, decoded straight into one output whose size the chunk headers
// give, so the cap is kept before anything is decoded.
// https://github.com/google/snappy/blob/main/framing_format.txt
import { crc32c } from './checksums.ts'
import type { InflateResult } from './inflate.ts'

const MAX_CHUNK_BYTES = 65536
const identifier = [0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]
const invalid = (message: string): InflateResult => ({
  ok: false,
  reason: 'malformed',
  message: `the body is not valid x-snappy-framed: ${message}`,
})

/** As a chunk carries it, of what it inflates to. */
const maskedCrc = (bytes: Uint8Array, start: number, end: number): number => {
  const crc = crc32c(bytes, start, end)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Bytes that a raw block says it holds, from its varint header; null when that is broken. */
export const readSnappyLength = (body: Uint8Array, start = 0, end = body.length): number | null => {
  let value = 0
  for (let i = 0; i < 5; i++) {
    if (start + i >= end) return null
    const byte = body[start + i]
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return value < 2 ** 32 ? value : null
  }
  return null
}

const headerSize = (body: Uint8Array, start: number): number => {
  let pos = start
  while (body[pos] >= 128) pos++
  return pos + 1 - start
}

/** One raw block into `out` at [at, until); false unless it fills exactly that. */
export const decodeSnappyBlock = (body: Uint8Array, start: number, end: number, out: Uint8Array, at: number, until: number): boolean => {
  let pos = start + headerSize(body, start)
  let to = at
  while (pos < end) {
    const tag = body[pos++]
    let length: number
    if ((tag & 3) === 0) {
      length = (tag >>> 2) + 1
      if (length > 60) {
        const size = length - 60
        if (pos + size > end) return false
        length = 1
        for (let i = 0; i < size; i++) length += body[pos + i] * 2 ** (8 * i)
        pos += size
      }
      if (length > end - pos || length > until - to) return false
      out.set(body.subarray(pos, pos + length), to)
      pos += length
    } else {
      let offset: number
      const size = (tag & 3) === 3 ? 4 : tag & 3
      if (pos + size > end) return false
      if (size === 1) {
        length = ((tag >>> 2) & 7) + 4
        offset = ((tag & 0xe0) << 3) | body[pos]
      } else {
        length = (tag >>> 2) + 1
        offset = body[pos] | (body[pos + 1] << 8)
        if (size === 4) offset += body[pos + 2] * 65536 + body[pos + 3] * 16777216
      }
      pos += size
      if (offset === 0 || offset > to - at || length > until - to) return false
      for (let i = 0; i < length; i++) out[to + i] = out[to + i - offset]
      to += length
      continue
    }
    to += length
  }
  return to === until
}

interface Chunk {
  readonly compressed: boolean
  readonly start: number
  readonly end: number
  readonly bytes: number
}

/** Walks the chunk headers: the data chunks' places and sizes, or what is wrong. */
const readChunks = (body: Uint8Array, visit: (chunk: Chunk) => boolean): string | null => {
  for (let pos = 0; pos < body.length;) {
    if (pos + 4 > body.length) return 'a chunk header is cut off'
    const type = body[pos]
    const start = pos + 4
    const end = start + (body[pos + 1] | (body[pos + 2] << 8) | (body[pos + 3] << 16))
    if (end > body.length) return 'a chunk runs past the end'
    if (type === 0xff) {
      if (end - start !== 6 || identifier.some((byte, i) => body[start + i] !== byte)) return 'wrong stream identifier'
    } else if (pos === 0) return 'no stream identifier'
    else if (type <= 1) {
      if (end - start < 4) return 'a chunk is too short for its checksum'
      const bytes = type === 1 ? end - start - 4 : readSnappyLength(body, start + 4, end)
      if (bytes === null || bytes > MAX_CHUNK_BYTES) return 'a chunk has a wrong size'
      if (!visit({ compressed: type === 0, start: start + 4, end, bytes })) return 'a chunk does not hold what it says'
    } else if (type < 0x80) return 'a reserved chunk type'
    pos = end
  }
  return null
}

export const inflateSnappyFrames = (body: Uint8Array, maxBytes: number): InflateResult => {
  let total = 0
  const fault = readChunks(body, (chunk) => {
    total += chunk.bytes
    // As with a raw block: a claim that its bytes cannot hold would be memory for nothing.
    return !chunk.compressed || chunk.bytes <= (chunk.end - chunk.start) * 22
  })
  if (fault !== null) return invalid(fault)
  if (total > maxBytes) return { ok: false, reason: 'too_large', message: `the body inflates to more than ${maxBytes} bytes` }
  const out = new Uint8Array(total)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = 0
  const broken = readChunks(body, ({ compressed, start, end, bytes }) => {
    if (compressed && !decodeSnappyBlock(body, start, end, out, at, at + bytes)) return false
    if (!compressed) out.set(body.subarray(start, end), at)
    at += bytes
    return view.getUint32(start - 4, true) === maskedCrc(out, at - bytes, at)
  })
  return broken === null ? { ok: true, bytes: out } : invalid(broken)
}
