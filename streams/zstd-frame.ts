// The outline of zstd frames, by block headers alone: node:zlib takes a cut frame for a whole one and stops after the
// first, so completeness and concatenation are settled here. RFC 8878, section 3.1.

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
/** More frames than any client writes; each costs a decompressor. */
const MAX_FRAMES = 256
const dictionaryIdBytes = [0, 1, 2, 4]

/** Position behind the frame that starts at `start`, or -1 when it is cut off or broken. */
const frameEnd = (view: DataView, start: number): number => {
  const size = view.byteLength
  if (start + 6 > size) return -1
  const descriptor = view.getUint8(start + 4)
  const singleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >>> 6
  const contentSizeBytes = sizeFlag === 0 ? Number(singleSegment) : 1 << sizeFlag
  let pos = start + 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes[descriptor & 3] + contentSizeBytes
  for (;;) {
    if (pos + 3 > size) return -1
    const header = view.getUint8(pos) | (view.getUint8(pos + 1) << 8) | (view.getUint8(pos + 2) << 16)
    const type = (header >>> 1) & 3
    if (type === 3) return -1
    // A run-length block stores one byte whatever its size says.
    pos += 3 + (type === 1 ? 1 : header >>> 3)
    if ((header & 1) !== 0) break
  }
  pos += (descriptor & 4) !== 0 ? 4 : 0
  return pos > size ? -1 : pos
}

/** The frames that hold data, whole and in order, skippable ones left out; null unless they fill the body exactly. */
export const splitZstdFrames = (body: Uint8Array): readonly Uint8Array[] | null => {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const frames: Uint8Array[] = []
  for (let pos = 0; pos < body.length;) {
    if (pos + 8 > body.length) return null
    const magic = view.getUint32(pos, true)
    if (magic >= SKIPPABLE && magic < SKIPPABLE + 16) {
      pos += 8 + view.getUint32(pos + 4, true)
      if (pos > body.length) return null
      continue
    }
    const end = magic === MAGIC ? frameEnd(view, pos) : -1
    if (end < 0 || frames.length === MAX_FRAMES) return null
    frames.push(body.subarray(pos, end))
    pos = end
  }
  return frames.length > 0 ? frames : null
}
