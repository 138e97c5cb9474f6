// Protobuf framing without objects: positions and lengths as plain numbers, faults as negative ones.
// Every function takes the end of the enclosing message and never reads past it.

/** Faults; every one makes the whole body malformed. */
export const PAST_END = -1
export const BAD_TAG = -2
export const GROUP = -3
export const WRONG_WIRE_TYPE = -4
export const LONG_VARINT = -5

const messages: Record<number, string> = {
  [PAST_END]: 'a field runs past the end of its message',
  [BAD_TAG]: 'a field number is 0 or too large',
  [GROUP]: 'groups are not part of the protocol',
  [WRONG_WIRE_TYPE]: 'a field has the wrong wire type',
  [LONG_VARINT]: 'a varint is longer than 10 bytes',
}
export const describeFault = (fault: number): string => `invalid protobuf: ${messages[fault] ?? 'broken framing'}`

/** Position behind the varint at `pos`, or a fault. */
export const skipVarint = (buf: Uint8Array, pos: number, end: number): number => {
  const limit = pos + 10
  while (pos < end) {
    if (buf[pos++] < 128) return pos
    if (pos >= limit) return LONG_VARINT
  }
  return PAST_END
}

const MAX_INT = 0x7fffffff
/**
 * The varint at `pos` as a number of 31 bits, larger ones as 2^31 - 1: no length and no field number of ours is that large,
 * and positions stay small integers, which is what keeps the walk fast. Its end is skipVarint's. Or a fault.
 */
export const readVarint = (buf: Uint8Array, pos: number, end: number): number => {
  if (pos < end && buf[pos] < 128) return buf[pos]
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (pos >= end) return PAST_END
    const byte = buf[pos++]
    const bits = byte & 127
    if (shift < 28) value |= bits << shift
    else if (bits > (shift === 28 ? 7 : 0)) value = MAX_INT
    else if (shift === 28 && value !== MAX_INT) value |= bits << 28
    if (byte < 128) return value
  }
  return LONG_VARINT
}

/** The tag at `pos`, or a fault. Fields above 2^28, which nobody knows, are read as field 2^27. */
export const readTag = (buf: Uint8Array, pos: number, end: number): number => {
  if (pos < end && buf[pos] < 128) return buf[pos]
  const after = skipVarint(buf, pos, end)
  if (after < 0) return after
  const tag = readVarint(buf, pos, end)
  if (tag < MAX_INT) return tag
  return after - pos === 5 && buf[pos + 4] < 16 ? 0x40000000 | (buf[pos] & 7) : BAD_TAG
}

/** Position behind the length-delimited field whose length stands at `pos`, or a fault. */
export const skipBytes = (buf: Uint8Array, pos: number, end: number): number => {
  if (pos >= end) return PAST_END
  const first = buf[pos]
  if (first < 128) {
    const after = pos + 1 + first
    return after > end ? PAST_END : after
  }
  const from = skipVarint(buf, pos, end)
  if (from < 0) return from
  const length = readVarint(buf, pos, end)
  return length > end - from ? PAST_END : from + length
}

/** Skips a field that the message does not know; `pos` is behind its tag. */
export const skipUnknown = (buf: Uint8Array, pos: number, end: number, tag: number): number => {
  const field = tag >>> 3
  if (field === 0) return BAD_TAG
  let after: number
  switch (tag & 7) {
    case 0:
      return skipVarint(buf, pos, end)
    case 1:
      after = pos + 8
      break
    case 2:
      return skipBytes(buf, pos, end)
    case 5:
      after = pos + 4
      break
    case 3:
    case 4:
      return GROUP
    default:
      return BAD_TAG
  }
  return after > end ? PAST_END : after
}

/** For a tag that is none of the message's own: its known fields (bit n = field n) in another wire type are faults, the rest is skipped. */
export const skipOther = (buf: Uint8Array, pos: number, end: number, tag: number, known: number): number => {
  const field = tag >>> 3
  if (field < 31 && (known & (1 << field)) !== 0) return WRONG_WIRE_TYPE
  return skipUnknown(buf, pos, end, tag)
}
