// What each stage sends, and what is made of two of its results.
import { expect, it } from 'vitest'
import { describe as describeLoad } from '../../bench/contestants/run-load.ts'
import { runDetection } from '../../bench/stages/detection.ts'
import { growthLoads, halfLoads } from '../../bench/stages/loads.ts'
import { growthNote } from '../../bench/stages/ours.ts'

const size = { records: 300_000, seconds: 10 }

it('growth compares as many records of the same requests, of few and of many tenants and services', () => {
  const [few, many] = growthLoads(size)
  expect({ ...many, tenants: 1, services: 8 }).toEqual(few)
  expect(describeLoad(many)).toContain('20 tenants × 100 services')
  expect(
    growthNote({ cpuPerMillion: { pipeline: 4, clickhouse: 6 } }, { cpuPerMillion: { pipeline: 6, clickhouse: 6, generator: 9 } }),
  ).toContain('1.20 times')
})

it('half of the load is half of what was measured, for as long as asked', () => {
  const { half } = halfLoads(size)
  expect(half(200_000)).toMatchObject({ recordsPerSecond: 100_000, records: 1_000_000, connections: 16 })
  expect(half(0)).toMatchObject({ recordsPerSecond: 1000 })
})

it('detection is a line of its own beside decoding, templates are a part of it, and objects stand beside them', () => {
  const lines = [...runDetection(60_000)]
  expect(lines.map(({ contestant, faults }) => [contestant, faults])).toEqual([
    ['Lapwing, decoding without detection', []],
    ['Lapwing, series and templates', []],
    ['Lapwing, of these, hashes of templates', []],
    ['protobufjs, decoding to objects', []],
  ])
  expect(lines.every(({ cpuPerMillion }) => cpuPerMillion.pipeline > 0)).toBe(true)
})
