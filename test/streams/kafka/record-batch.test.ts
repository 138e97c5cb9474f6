// Against the client's own reader, which is tested against brokers.
import { crc32c, jsCRC32C, Reader, readRecordsBatch, Writer } from '@platformatic/kafka'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeBatch } from '../../../streams/kafka/record-batch.ts'

const NOW = 1_790_000_000_123
const origin = { producerId: 2n ** 40n + 7n, producerEpoch: 3, firstSequence: 2 ** 31 - 2 }
/** As the driver has it. */
const checksum = (bytes: Buffer): number => crc32c(Writer.create().append(bytes).dynamicBuffer)
const encode = (messages: Parameters<typeof encodeBatch>[0]): Buffer =>
  encodeBatch(messages, origin, { nowMs: NOW, crc32c: checksum, take: Buffer.alloc })
const plain = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString('base64')

it('any messages come back as they were, in order, of their sender', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat({ max: 20_000 }).map((length) => new Uint8Array(length).fill(7)),
  )
  const message = fc.record({
    key: fc.string({ unit: 'binary', maxLength: 80 }),
    value: bytes,
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 90 }), bytes, { maxKeys: 4 }),
  })
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 90 }), (messages) => {
      const encoded = encode(messages)
      const read = readRecordsBatch(Reader.from(encoded))
      expect(read).toMatchObject({
        firstOffset: 0n,
        length: encoded.length - 12,
        magic: 2,
        attributes: 0,
        lastOffsetDelta: messages.length - 1,
        firstTimestamp: BigInt(NOW),
        maxTimestamp: BigInt(NOW),
        ...origin,
      })
      expect(
        read.records.map(({ key, value, headers, offsetDelta }) => ({
          key: key?.toString(),
          value: plain(value),
          headers: Object.fromEntries(headers.map(([name, header]) => [name?.toString(), plain(header)])),
          offsetDelta,
        })),
      ).toEqual(
        messages.map(({ key, value, headers }, offsetDelta) => ({
          key: Buffer.from(key).toString(),
          value: plain(value),
          headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, plain(header)])),
          offsetDelta,
        })),
      )
    }),
    { numRuns: 60 },
  )
})

it('the checksum is of everything behind it', () => {
  const encoded = encode([{ key: 'tenant', value: Buffer.from('body'), headers: { envelope: Buffer.from('e') } }])
  expect(encoded.readUInt32BE(17)).toBe(jsCRC32C(encoded.subarray(21)))
})

it('a message of 20 MB is written as it is', () => {
  const value = new Uint8Array(20 * 1024 * 1024).fill(1)
  const [record] = readRecordsBatch(Reader.from(encode([{ key: '', value, headers: {} }]))).records
  expect(record.value?.length).toBe(value.length)
  expect(Buffer.compare(record.value!, value)).toBe(0)
})
