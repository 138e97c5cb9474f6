// The decoder against a plain reference: generated requests in every field order, with repeated fields, every kind of value
// and unknown fields; recorded requests of real clients; the JavaScript SDK's own serialiser.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inflateSync, parseContentEncoding } from '../../../streams/inflate.ts'
import { anyRequest } from '../../support/otlp-arbitrary.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { referenceRows } from '../../support/otlp-reference.ts'
import { bodyColumns, CONTEXT, decodeOne, NOW_MS } from './support.ts'

const expectSame = (body: Uint8Array): number => {
  const rows = decodeOne(body).map(bodyColumns)
  expect(rows).toEqual(referenceRows(body, CONTEXT))
  return rows.length
}

describe('the protobuf decoder', () => {
  for (const order of ['spec', 'collector', 'shuffled'] as const) {
    it(`gives the rows of the reference for any request with its fields in ${order} order`, () => {
      let rows = 0
      fc.assert(
        fc.property(anyRequest(NOW_MS), fc.integer(), fc.boolean(), (sent, seed, unknownFields) => {
          rows += expectSame(encodeRequest(sent, { order, seed, unknownFields }))
        }),
        { numRuns: 150 },
      )
      expect(rows).toBeGreaterThan(100)
    })
  }

  it('gives the rows of the reference for what the JavaScript SDK serialises', () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      hrTime: [Math.floor(NOW_MS / 1000), i] as [number, number],
      hrTimeObserved: [Math.floor(NOW_MS / 1000), i + 1] as [number, number],
      severityNumber: 9 + (i % 12),
      severityText: 'INFO',
      body: i % 3 === 0 ? `message ${i} with ünïcode` : i % 3 === 1 ? { nested: { list: [1, 'two', false, null], big: 2 ** 40 } } : 4.5,
      attributes: {
        n: i,
        d: i / 7,
        s: `v${i}`,
        b: i % 2 === 0,
        list: ['x', i],
        big: 2 ** 45 + i,
        negative: -i,
        bytes: Uint8Array.of(1, 2, i),
      },
      resource: resourceFromAttributes({ 'service.name': `svc-${i % 4}`, pid: 77 }),
      instrumentationScope: { name: 'lib', version: '1.2.3' },
      spanContext: { traceId: (i + 1).toString(16).padStart(32, '0'), spanId: (i + 1).toString(16).padStart(16, '0'), traceFlags: 1 },
      droppedAttributesCount: 0,
      eventName: i % 5 === 0 ? 'my.event' : undefined,
    }))
    expect(expectSame(ProtobufLogsSerializer.serializeRequest(records as never) as Uint8Array)).toBe(50)
  })

  it('gives the rows of the reference for the recorded requests of real clients', () => {
    const root = join(import.meta.dirname, '../../fixtures/clients')
    let rows = 0
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))) {
      const about = JSON.parse(readFileSync(join(root, file), 'utf8')) as { headers?: Record<string, string> | [string, string][] }
      const headers = Object.fromEntries(
        (Array.isArray(about.headers) ? about.headers : Object.entries(about.headers ?? {})).map(([name, value]) => [
          name.toLowerCase(),
          value,
        ]),
      )
      if (!/protobuf/.test(headers['content-type'] ?? '')) continue
      const result = inflateSync(
        readFileSync(join(root, file.replace(/json$/, 'bin'))),
        parseContentEncoding(headers['content-encoding'] ?? '') ?? 'identity',
        1e8,
      )
      if (!result.ok) throw new Error(`${file}: ${result.message}`)
      rows += expectSame(result.bytes)
    }
    expect(rows).toBeGreaterThan(20)
  })
})
