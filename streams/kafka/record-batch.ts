// Messages of one partition → one record batch of Kafka's format 2, in one piece of memory. The client makes a buffer of every number of
// every record, a dozen a message: at small messages that was a third of what an append costs.
// Format: https://kafka.apache.org/documentation/#recordbatch
import type { Outgoing } from './driver.ts'

/** Who sends, and the number of the batch's first message: by it the broker knows a batch that comes again. */
export interface BatchOrigin {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** From 0, up to 2^31 - 1 and over again. */
  readonly firstSequence: number
}
type Message = Pick<Outgoing, 'key' | 'value' | 'headers'>

const HEAD_BYTES = 61
const LENGTH_AT = 8
const LENGTH_FROM = 12
const CRC_AT = 17
const CRC_FROM = 21
const MAGIC = 2
const NO_LEADER_EPOCH = -1

/** Of a length or a count, which is never negative: zigzag doubles it. */
const varintBytes = (value: number): number => {
  const doubled = value * 2
  return doubled < 0x80 ? 1 : doubled < 0x4000 ? 2 : doubled < 0x200000 ? 3 : doubled < 0x10000000 ? 4 : 5
}
const writeVarint = (to: Buffer, at: number, value: number): number => {
  let rest = value * 2
  while (rest >= 0x80) {
    to[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  to[at++] = rest
  return at
}

const fieldBytes = (bytes: number): number => varintBytes(bytes) + bytes
/** Behind its length: attributes, the difference of times (always 0), the place in the batch, key, value, headers. */
const recordBytes = ({ key, value, headers }: Message, place: number): number => {
  let bytes = 2 + varintBytes(place) + fieldBytes(Buffer.byteLength(key)) + fieldBytes(value.byteLength)
  let count = 0
  for (const name in headers) {
    bytes += fieldBytes(Buffer.byteLength(name)) + fieldBytes(headers[name].byteLength)
    count++
  }
  return bytes + varintBytes(count)
}

const writeText = (to: Buffer, at: number, text: string): number => {
  const from = writeVarint(to, at, Buffer.byteLength(text))
  return from + to.write(text, from)
}
const writeBytes = (to: Buffer, at: number, bytes: Uint8Array): number => {
  const from = writeVarint(to, at, bytes.byteLength)
  to.set(bytes, from)
  return from + bytes.byteLength
}
const writeRecord = (to: Buffer, start: number, bytes: number, { key, value, headers }: Message, place: number): number => {
  let at = writeVarint(to, start, bytes)
  to[at++] = 0
  to[at++] = 0
  at = writeVarint(to, at, place)
  at = writeText(to, at, key)
  at = writeBytes(to, at, value)
  at = writeVarint(to, at, Object.keys(headers).length)
  for (const name in headers) {
    at = writeText(to, at, name)
    at = writeBytes(to, at, headers[name])
  }
  return at
}

/**
 * @param nowMs what all of them are dated, unless the topic dates them itself.
 * @param crc32c Castagnoli, as an unsigned number.
 * @param take memory for so many bytes.
 */
export const encodeBatch = (
  messages: readonly Message[],
  origin: BatchOrigin,
  { nowMs, crc32c, take }: { readonly nowMs: number; readonly crc32c: (bytes: Buffer) => number; readonly take: (bytes: number) => Buffer },
): Buffer => {
  const sizes = messages.map(recordBytes)
  const batch = take(sizes.reduce((sum, bytes) => sum + fieldBytes(bytes), HEAD_BYTES))
  const time = BigInt(nowMs)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - LENGTH_FROM, LENGTH_AT)
  batch.writeInt32BE(NO_LEADER_EPOCH, LENGTH_FROM)
  batch.writeInt8(MAGIC, 16)
  batch.writeInt16BE(0, CRC_FROM)
  batch.writeInt32BE(messages.length - 1, 23)
  batch.writeBigInt64BE(time, 27)
  batch.writeBigInt64BE(time, 35)
  batch.writeBigInt64BE(origin.producerId, 43)
  batch.writeInt16BE(origin.producerEpoch, 51)
  batch.writeInt32BE(origin.firstSequence, 53)
  batch.writeInt32BE(messages.length, 57)
  let at = HEAD_BYTES
  for (const [place, message] of messages.entries()) at = writeRecord(batch, at, sizes[place], message, place)
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), CRC_AT)
  return batch
}
