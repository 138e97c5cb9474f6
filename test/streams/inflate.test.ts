import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import * as fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { describe, expect, it } from 'vitest'
import type { Compression } from '../../streams/contracts/envelope.ts'
import { xxh32 } from '../../streams/checksums.ts'
import { inflate, inflateSync, parseContentEncoding } from '../../streams/inflate.ts'
import { compressors } from '../support/compress.ts'

const MiB = 1024 * 1024
const clients = join(import.meta.dirname, '../fixtures/clients')

const names = Object.keys(compressors) as (keyof typeof compressors)[]
const sample = Buffer.from(Array.from({ length: 4000 }, (_, i) => `record ${i} of ${i % 7} with some text ${i * 7919}`).join('\n'))
const random = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (Math.imul(i ^ (i >>> 3), 2654435761) >>> 13) & 255))

describe.each(names)('%s', (name) => {
  it('round-trips text, noise and one byte, on this thread and on the pool', async () => {
    for (const bytes of [sample, random, Buffer.from('x'), Buffer.alloc(300_000, 7)]) {
      const body = await compressors[name](bytes)
      const here = inflateSync(body, name, MiB)
      expect(here.ok && Buffer.compare(here.bytes, bytes)).toBe(0)
      const pooled = await inflate(body, name, MiB)
      expect(pooled.ok && Buffer.compare(pooled.bytes, bytes)).toBe(0)
    }
  })

  it('takes a body of exactly the cap and refuses one byte more', async () => {
    const body = await compressors[name](sample)
    expect(inflateSync(body, name, sample.length).ok).toBe(true)
    expect(inflateSync(body, name, sample.length - 1)).toMatchObject({ ok: false, reason: 'too_large' })
    expect(await inflate(body, name, sample.length - 1)).toMatchObject({ ok: false, reason: 'too_large' })
  })

  it('stops a bomb at the cap without the memory it asks for', async () => {
    const bomb = await compressors[name](Buffer.alloc(96 * MiB))
    const before = process.memoryUsage().rss
    expect(inflateSync(bomb, name, 4 * MiB)).toMatchObject({ ok: false, reason: 'too_large' })
    expect(await inflate(bomb, name, 4 * MiB)).toMatchObject({ ok: false, reason: 'too_large' })
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * MiB)
  })

  it('calls every cut of a body malformed', async () => {
    const body = await compressors[name](sample.subarray(0, 3000))
    const accepted: number[] = []
    for (let length = 0; length < body.length; length += 1 + (length >> 4)) {
      const result = inflateSync(body.subarray(0, length), name, MiB)
      // A snappy stream that ends between two chunks is a whole one.
      if (result.ok && !(name === 'x-snappy-framed' && result.bytes.length === 0)) accepted.push(length)
    }
    expect(accepted).toEqual([])
    expect(await inflate(body.subarray(0, body.length - 1), name, MiB)).toMatchObject({ ok: false, reason: 'malformed' })
  })

  it('calls bytes behind the stream malformed', async () => {
    for (const tail of ['garbage', '\0', '\0\0\0\0\0\0\0\0\0']) {
      const body = Buffer.concat([await compressors[name](sample), Buffer.from(tail)])
      expect(inflateSync(body, name, MiB), JSON.stringify(tail)).toMatchObject({ ok: false, reason: 'malformed' })
      expect(await inflate(body, name, MiB)).toMatchObject({ ok: false, reason: 'malformed' })
    }
  })

  it('answers any bytes and any damage without throwing, within the cap', async () => {
    const body = await compressors[name](sample.subarray(0, 5000))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), (noise, at, byte) => {
        const damaged = Buffer.from(body)
        damaged[at] = byte
        for (const input of [noise, damaged, Buffer.concat([damaged.subarray(0, at), noise])]) {
          const result = inflateSync(input, name, 100_000)
          if (result.ok) expect(result.bytes.length).toBeLessThanOrEqual(100_000)
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('encodings', () => {
  it('are known by the names of the Collector and of HTTP, whatever their case', () => {
    expect(
      ['', 'identity', 'gzip', 'X-Gzip', 'zstd', 'deflate', 'zlib', ' snappy ', 'x-snappy-framed', 'lz4', 'br'].map(parseContentEncoding),
    ).toEqual(['identity', 'identity', 'gzip', 'gzip', 'zstd', 'deflate', 'deflate', 'snappy', 'x-snappy-framed', 'lz4', 'br'])
    expect(['compress', 'gzip, gzip', 'constructor', '__proto__', '*'].map(parseContentEncoding)).toEqual([null, null, null, null, null])
  })

  it('identity keeps the cap too', () => {
    expect(inflateSync(sample, 'identity', sample.length)).toEqual({ ok: true, bytes: sample })
    expect(inflateSync(sample, 'identity', sample.length - 1)).toMatchObject({ ok: false, reason: 'too_large' })
  })

  it('damage is seen where a checksum was sent', async () => {
    const sent = sample.subarray(0, 9000)
    const checked = {
      gzip: await compressors.gzip(sent),
      'x-snappy-framed': await compressors['x-snappy-framed'](sent),
      lz4: compressFrameSync(sent, { contentChecksum: true, blockChecksums: true }),
    }
    for (const [name, body] of Object.entries(checked)) {
      // Behind the head of gzip: what it says of names and times is not what was compressed.
      for (let at = 10; at < body.length; at += 7) {
        const damaged = Buffer.from(body)
        damaged[at] ^= 1 << (at % 8)
        const result = inflateSync(damaged, name as Compression, MiB)
        if (result.ok) expect(Buffer.compare(result.bytes, sent), `${name} at ${at}`).toBe(0)
      }
    }
  })

  it('deflate without the zlib wrapper is read as well', () => {
    const result = inflateSync(zlib.deflateRawSync(sample), 'deflate', MiB)
    expect(result.ok && Buffer.compare(result.bytes, sample)).toBe(0)
  })

  it('a small raw snappy body that claims much is malformed before anything is reserved', () => {
    expect(inflateSync(Uint8Array.of(0x80, 0x80, 0x80, 0x10, 0, 1), 'snappy', 64 * MiB)).toMatchObject({ ok: false, reason: 'malformed' })
  })

  it('a zstd frame that asks for a window far beyond the cap is refused', () => {
    const wide = zlib.zstdCompressSync(sample, {
      params: { [zlib.constants.ZSTD_c_windowLog]: 27, [zlib.constants.ZSTD_c_contentSizeFlag]: 0 },
    })
    const stream = Buffer.from(wide)
    if ((stream[4] & 0x20) === 0) stream[5] = 17 << 3
    expect(inflateSync(stream, 'zstd', 4 * MiB).ok).toBe((stream[4] & 0x20) !== 0)
  })

  it('several gzip members, zstd frames and lz4 frames in a row are one body', () => {
    for (const name of ['gzip', 'zstd', 'lz4'] as const) {
      const half = compressors[name](sample) as Uint8Array
      const result = inflateSync(Buffer.concat([half, half]), name, MiB)
      expect(result.ok && Buffer.compare(result.bytes, Buffer.concat([sample, sample])), name).toBe(0)
      expect(inflateSync(Buffer.concat([half, half]), name, sample.length + 1), name).toMatchObject({ ok: false, reason: 'too_large' })
    }
  })

  it('the bodies that real clients compressed inflate to what they sent plain', () => {
    const inflated = readdirSync(clients).flatMap((client) =>
      readdirSync(join(clients, client))
        .filter((file) => file.endsWith('.json'))
        .flatMap((file) => {
          const { headers } = JSON.parse(readFileSync(join(clients, client, file), 'utf8')) as { headers: Record<string, string> }
          const header = Object.entries(headers).find(([key]) => key.toLowerCase() === 'content-encoding')?.[1]
          if (header === undefined) return []
          const result = inflateSync(
            readFileSync(join(clients, client, file.replace('.json', '.bin'))),
            parseContentEncoding(header) as Compression,
            MiB,
          )
          return [{ header, case: `${client}/${file}`, ok: result.ok, first: result.ok ? result.bytes[0] : -1 }]
        }),
    )
    expect(inflated.filter(({ ok }) => !ok)).toEqual([])
    expect(inflated.filter(({ first }) => first !== 0x0a && first !== 0x7b)).toEqual([])
    expect(new Set(inflated.map(({ header }) => header))).toEqual(
      new Set(['gzip', 'zstd', 'deflate', 'zlib', 'snappy', 'x-snappy-framed', 'lz4']),
    )
  })
})

describe('lz4 frames', () => {
  const head = (flags: number, block = 0x40, rest: readonly number[] = []): number[] => {
    const described = [flags, block, ...rest]
    return [0x04, 0x22, 0x4d, 0x18, ...described, (xxh32(Uint8Array.from(described)) >>> 8) & 255]
  }
  const size = (bytes: number, stored = false): number[] => [
    bytes & 255,
    (bytes >>> 8) & 255,
    (bytes >>> 16) & 255,
    (bytes >>> 24) + (stored ? 128 : 0),
  ]
  const END = [0, 0, 0, 0]
  const text = (value: string): number[] => [...Buffer.from(value)]
  const run = (bytes: readonly number[], cap = MiB) => inflateSync(Uint8Array.from(bytes), 'lz4', cap)
  // "abcdef" as literals; then a match of 6 from 6 back and "12345".
  const linkedBlocks = [...size(6, true), ...text('abcdef'), ...size(9), 0x02, 6, 0, 0x50, ...text('12345')]

  it('a linked block reaches into the one before, an independent one may not', () => {
    const result = run([...head(0x40), ...linkedBlocks, ...END])
    expect(result.ok && Buffer.from(result.bytes).toString()).toBe('abcdefabcdef12345')
    expect(run([...head(0x60), ...linkedBlocks, ...END])).toMatchObject({ ok: false, reason: 'malformed' })
  })

  it('skippable frames are stepped over; checksums of a head, a block and the content are not', () => {
    const checksum = size(xxh32(Buffer.from('abc')))
    const wrong = [1, 2, 3, 4]
    const skippable = [0x51, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]
    const frame = (ofBlock: number[], ofContent: number[]) =>
      run([...skippable, ...head(0x74), ...size(3, true), ...text('abc'), ...ofBlock, ...END, ...ofContent])
    const result = frame(checksum, checksum)
    expect(result.ok && Buffer.from(result.bytes).toString()).toBe('abc')
    for (const damaged of [frame(wrong, checksum), frame(checksum, wrong), run([...head(0x60).slice(0, -1), 0, ...END])])
      expect(damaged).toMatchObject({ ok: false, reason: 'malformed', message: expect.stringContaining('checksum') })
  })

  it('a dictionary, a wrong content size and a block above its declared size are refused', () => {
    const block = [...size(3, true), ...text('abc'), ...END]
    expect(run([...head(0x61, 0x40, [1, 0, 0, 0]), ...block])).toMatchObject({ ok: false, reason: 'malformed' })
    expect(run([...head(0x68, 0x40, [4, 0, 0, 0, 0, 0, 0, 0]), ...block])).toMatchObject({ ok: false, reason: 'malformed' })
    expect(run([...head(0x68, 0x40, [3, 0, 0, 0, 0, 0, 0, 0]), ...block]).ok).toBe(true)
    expect(run([...head(0x68, 0x40, [0, 0, 0, 0, 1, 0, 0, 0]), ...block])).toMatchObject({ ok: false, reason: 'too_large' })
    expect(run([...head(0x60), ...size(65537, true), ...Array.from({ length: 65537 }, () => 1), ...END])).toMatchObject({
      ok: false,
      reason: 'malformed',
    })
  })
})
