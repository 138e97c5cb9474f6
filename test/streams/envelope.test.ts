// The envelope's bytes: exact both ways, small, and refused whole when they are not an envelope.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Envelope } from '../../streams/contracts/envelope.ts'
import { decodeEnvelope, encodeEnvelope, maxEnvelopeBytes } from '../../streams/envelope.ts'
import { createEnvelope } from '../support/envelopes.ts'

const count = fc.maxSafeNat()
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const envelopes: fc.Arbitrary<Envelope> = fc.record({
  signal: fc.constantFrom('otlp_logs', 'json_logs', 'heartbeat', 'alertmanager', 'prometheus_alerts', 'mark'),
  format: fc.constantFrom('protobuf', 'json', 'ndjson', 'none'),
  compression: fc.constantFrom('identity', 'gzip', 'zstd', 'deflate', 'snappy', 'x-snappy-framed', 'lz4', 'br'),
  tenant: text,
  tokenId: text,
  subject: text,
  receivedAtMs: count,
  recordCount: count,
  inflatedBytes: count,
  expandedBytes: count,
  rejected: fc.uniqueArray(fc.nat(1_000_000), { maxLength: 30 }).map((list) => list.toSorted((a, b) => a - b)),
})

const codeOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
  return 'no error'
}

describe('envelope', () => {
  test('every envelope decodes to what was encoded', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope)
      }),
      { numRuns: 500 },
    )
  })

  test('a truncated or lengthened envelope is corrupt, never another envelope', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), (envelope, cut) => {
        const bytes = encodeEnvelope(envelope)
        expect(codeOf(() => decodeEnvelope(bytes.subarray(0, cut % bytes.length)))).toBe('LOG_CORRUPT')
        expect(codeOf(() => decodeEnvelope(Buffer.concat([bytes, Buffer.of(0)])))).toBe('LOG_CORRUPT')
      }),
      { numRuns: 300 },
    )
  })

  test('arbitrary bytes either decode or are LOG_CORRUPT', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (tail) => {
        expect(['LOG_CORRUPT', 'no error']).toContain(codeOf(() => decodeEnvelope(Buffer.concat([Buffer.of(1), tail]))))
      }),
      { numRuns: 2000 },
    )
  })

  test('a later version is refused', () => {
    const bytes = encodeEnvelope(createEnvelope())
    bytes[0] = 2
    expect(codeOf(() => decodeEnvelope(bytes))).toBe('LOG_CORRUPT')
  })

  test('the codes of signal, format and compression on disk do not move', () => {
    const codes = (changes: Partial<Envelope>): number[] => [...encodeEnvelope(createEnvelope(changes)).subarray(1, 4)]
    expect(codes({ signal: 'otlp_logs', format: 'protobuf', compression: 'identity' })).toEqual([0, 0, 0])
    expect(codes({ signal: 'json_logs', format: 'json', compression: 'gzip' })).toEqual([1, 1, 1])
    expect(codes({ signal: 'heartbeat', format: 'ndjson', compression: 'zstd' })).toEqual([2, 2, 2])
    expect(codes({ signal: 'alertmanager', format: 'none', compression: 'deflate' })).toEqual([3, 3, 3])
    expect(codes({ signal: 'prometheus_alerts', compression: 'snappy' })).toEqual([4, 0, 4])
    expect(codes({ signal: 'mark', compression: 'x-snappy-framed' })).toEqual([5, 0, 5])
    expect([codes({ compression: 'lz4' })[2], codes({ compression: 'br' })[2]]).toEqual([6, 7])
  })

  test('a plain envelope takes fewer than 50 bytes, 1,000 neighbouring rejected indices one byte each', () => {
    expect(encodeEnvelope(createEnvelope()).length).toBeLessThan(50)
    const rejected = Array.from({ length: 1000 }, (_, index) => 400_000 + index)
    expect(encodeEnvelope(createEnvelope({ rejected, recordCount: 500_000 })).length).toBeLessThan(1060)
  })

  test('its bound holds for every envelope, and is near for plain ones', () => {
    for (const changes of [
      {},
      { tenant: 'ü€'.repeat(200), tokenId: '€'.repeat(90), subject: '\ud800' },
      { rejected: Array.from({ length: 5 }, (_, n) => n * 100_000), recordCount: 500_000, inflatedBytes: 2 ** 50, expandedBytes: 2 ** 52 },
      { rejected: [499_999] },
    ]) {
      const envelope = createEnvelope(changes)
      const { length } = encodeEnvelope(envelope)
      expect(maxEnvelopeBytes(envelope)).toBeGreaterThanOrEqual(length)
      expect(maxEnvelopeBytes(envelope)).toBeLessThan(3 * length + 100)
    }
  })

  test('descending indices and negative counts are refused when encoding', () => {
    expect(() => encodeEnvelope(createEnvelope({ rejected: [3, 2] }))).toThrow(RangeError)
    expect(() => encodeEnvelope(createEnvelope({ recordCount: -1 }))).toThrow(RangeError)
  })
})
