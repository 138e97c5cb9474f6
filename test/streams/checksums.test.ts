import { crc32c as reference, Writer } from '@platformatic/kafka'
import fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { expect, it } from 'vitest'
import { crc32c, xxh32 } from '../../streams/checksums.ts'

const text = (value: string): Uint8Array => Buffer.from(value)

it('crc32c is what RFC 3720 and another implementation say', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(text('123456789'))).toBe(0xe3069283)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 9 }), (bytes, skipped) => {
      const part = Buffer.from(bytes.subarray(skipped))
      expect(crc32c(bytes, Math.min(skipped, bytes.length))).toBe(reference(Writer.create().append(part).dynamicBuffer))
    }),
  )
})

it('xxh32 is what the specification and another implementation say', () => {
  expect([xxh32(text('')), xxh32(text('abc'))]).toEqual([0x02cc5d05, 0x32d153ff])
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const frame = compressFrameSync(Buffer.from(bytes), { contentChecksum: true })
      expect(xxh32(bytes)).toBe(frame.readUInt32LE(frame.length - 4))
    }),
  )
})
