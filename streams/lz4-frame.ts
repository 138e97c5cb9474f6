// LZ4 frames, decoded block by block under a running cap: no library here has one (4.2 MB became 1 GiB).
// Linked and independent blocks, stored blocks, several and skippable frames. No dictionaries.
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
import { xxh32 } from './checksums.ts'
import type { InflateResult } from './inflate.ts'

const FRAME = 0x184d2204
const SKIPPABLE = 0x184d2a50
const STORED = 0x80000000
const WINDOW = 65536

const invalid = (message: string): InflateResult => ({ ok: false, reason: 'malformed', message: `the body is not valid lz4: ${message}` })

/** A block's end in `out`; CORRUPT, or FULL when it holds more than fits before `limit`. */
const CORRUPT = -1
const FULL = -2

/** LZ4 block body[start, end) into `out` from `at`; matches reach back to `floor`. */
export const decodeLz4Block = (
  body: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  limit: number,
  floor: number,
): number => {
  let pos = start
  let to = at
  while (pos < end) {
    const token = body[pos++]
    let literals = token >>> 4
    if (literals === 15) {
      let more: number
      do {
        if (pos >= end) return CORRUPT
        more = body[pos++]
        literals += more
      } while (more === 255)
    }
    if (literals > end - pos) return CORRUPT
    if (literals > limit - to) return FULL
    if (literals < 32) for (let i = 0; i < literals; i++) out[to + i] = body[pos + i]
    else out.set(body.subarray(pos, pos + literals), to)
    pos += literals
    to += literals
    // The last sequence is literals only.
    if (pos === end) return to
    if (pos + 2 > end) return CORRUPT
    const offset = body[pos] | (body[pos + 1] << 8)
    pos += 2
    if (offset === 0 || offset > to - floor) return CORRUPT
    let length = token & 15
    if (length === 15) {
      let more: number
      do {
        if (pos >= end) return CORRUPT
        more = body[pos++]
        length += more
      } while (more === 255)
    }
    length += 4
    if (length > limit - to) return FULL
    if (length >= 64 && offset >= length) out.copyWithin(to, to - offset, to - offset + length)
    else if (length >= 64 && offset === 1) out.fill(out[to - 1], to, to + length)
    else for (let i = 0; i < length; i++) out[to + i] = out[to + i - offset]
    to += length
  }
  return CORRUPT
}

interface Header {
  readonly next: number
  readonly linked: boolean
  readonly blockChecksum: boolean
  readonly contentChecksum: boolean
  readonly contentSize: number | null
  readonly maxBlock: number
}

/** The descriptor behind the magic number, or what is wrong with it. */
const readHeader = (body: Uint8Array, view: DataView, pos: number): Header | string => {
  if (pos + 3 > view.byteLength) return 'a header is cut off'
  const flags = view.getUint8(pos)
  const block = view.getUint8(pos + 1)
  if (flags >>> 6 !== 1 || (flags & 2) !== 0 || (block & 0x8f) !== 0) return 'unknown version or flags'
  if ((flags & 1) !== 0) return 'dictionaries are not supported'
  const blockSize = block >>> 4
  if (blockSize < 4) return 'unknown block size'
  const sized = (flags & 8) !== 0
  const next = pos + 3 + (sized ? 8 : 0)
  if (next > view.byteLength) return 'a header is cut off'
  if (view.getUint8(next - 1) !== ((xxh32(body, pos, next - 1) >>> 8) & 255)) return 'the checksum of a header does not match'
  return {
    next,
    linked: (flags & 0x20) === 0,
    blockChecksum: (flags & 0x10) !== 0,
    contentChecksum: (flags & 4) !== 0,
    contentSize: sized ? Number(view.getBigUint64(pos + 2, true)) : null,
    maxBlock: 2 ** (8 + 2 * blockSize),
  }
}

interface Output {
  bytes: Uint8Array
  at: number
  readonly maxBytes: number
}

/** Room for `wanted` more bytes, as far as the cap allows. */
const reserve = (out: Output, wanted: number): void => {
  const needed = Math.min(out.at + wanted, out.maxBytes)
  if (needed <= out.bytes.length) return
  const grown = new Uint8Array(Math.min(out.maxBytes, Math.max(needed, out.bytes.length * 2)))
  grown.set(out.bytes.subarray(0, out.at))
  out.bytes = grown
}

/** All blocks of one frame. The position behind it, or what is wrong: null = over the cap. */
const readBlocks = (body: Uint8Array, view: DataView, header: Header, out: Output): number | string | null => {
  const frameStart = out.at
  let pos = header.next
  for (;;) {
    if (pos + 4 > body.length) return 'a block header is cut off'
    const word = view.getUint32(pos, true)
    pos += 4
    if (word === 0) break
    const size = word % STORED
    const end = pos + size
    if (size > header.maxBlock || end + (header.blockChecksum ? 4 : 0) > body.length) return 'a block runs past its size'
    if (header.blockChecksum && view.getUint32(end, true) !== xxh32(body, pos, end)) return 'the checksum of a block does not match'
    // A block of n bytes holds at most 255 n: do not reserve a whole block for a tiny one.
    const most = Math.min(header.maxBlock, word >= STORED ? size : size * 255)
    reserve(out, most)
    const limit = Math.min(out.at + most, out.maxBytes)
    if (word >= STORED) {
      if (out.at + size > out.maxBytes) return null
      out.bytes.set(body.subarray(pos, end), out.at)
      out.at += size
    } else {
      const floor = header.linked ? Math.max(frameStart, out.at - WINDOW) : out.at
      const after = decodeLz4Block(body, pos, end, out.bytes, out.at, limit, floor)
      if (after === FULL && limit === out.maxBytes) return null
      if (after < 0) return 'a block is corrupt'
      out.at = after
    }
    pos = end + (header.blockChecksum ? 4 : 0)
  }
  if (header.contentSize !== null && header.contentSize !== out.at - frameStart) return 'the content size does not match'
  if (!header.contentChecksum) return pos
  if (pos + 4 > body.length) return 'the checksum is cut off'
  return view.getUint32(pos, true) === xxh32(out.bytes, frameStart, out.at) ? pos + 4 : 'the checksum of the content does not match'
}

export const inflateLz4Frame = (body: Uint8Array, maxBytes: number): InflateResult => {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const large: InflateResult = { ok: false, reason: 'too_large', message: `the body inflates to more than ${maxBytes} bytes` }
  const out: Output = { bytes: new Uint8Array(Math.min(maxBytes, Math.max(WINDOW, body.length * 4))), at: 0, maxBytes }
  let frames = 0
  for (let pos = 0; pos < body.length;) {
    if (pos + 8 > body.length) return invalid('a frame is cut off')
    const magic = view.getUint32(pos, true)
    if (magic >= SKIPPABLE && magic < SKIPPABLE + 16) {
      pos += 8 + view.getUint32(pos + 4, true)
      if (pos > body.length) return invalid('a skippable frame runs past the end')
      continue
    }
    if (magic !== FRAME) return invalid('wrong magic number')
    const header = readHeader(body, view, pos + 4)
    if (typeof header === 'string') return invalid(header)
    if (header.contentSize !== null && header.contentSize > maxBytes - out.at) return large
    const next = readBlocks(body, view, header, out)
    if (next === null) return large
    if (typeof next === 'string') return invalid(next)
    pos = next
    frames++
  }
  return frames === 0 ? invalid('no frame') : { ok: true, bytes: out.bytes.subarray(0, out.at) }
}
