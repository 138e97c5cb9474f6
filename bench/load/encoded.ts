// Bodies in a compression, made before the clock starts: what the generator spends is then no part of what it measures.
import { gzipSync, gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Corpus } from './body.ts'

export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const
export type BodyCompression = (typeof COMPRESSIONS)[number]

/** The quickest level of each: what it costs to inflate hardly depends on it. */
const compress: Record<BodyCompression, (body: Buffer) => Buffer> = {
  none: (body) => body,
  gzip: (body) => gzipSync(body, { level: 1 }),
  zstd: (body) => zstdCompressSync(body),
}
export const inflate: Record<BodyCompression, (body: Buffer) => Buffer> = {
  none: (body) => body,
  gzip: (body) => gunzipSync(body),
  zstd: (body) => zstdDecompressSync(body),
}

const MAX_PREPARED_BYTES = 1024 ** 3

/** A buffer for an attempt, whole until the answer to it has come. */
export interface BodySource {
  take(connection: number, attempt: number, nowMs: number): Buffer
}

/** Uncompressed: one buffer for each connection, stamped anew for each attempt. Compressed: all of `count` attempts from `first` on. */
export const prepareBodies = (
  corpus: Corpus,
  compression: BodyCompression,
  { first, count }: { readonly first: number; readonly count: number },
): BodySource => {
  if (compression === 'none') {
    const own: Buffer[] = []
    return {
      take: (connection, attempt, nowMs) => {
        const buffer = (own[connection] ??= corpus.body(attempt, nowMs))
        corpus.stamp(buffer, attempt, nowMs)
        return buffer
      },
    }
  }
  let bytes = 0
  const prepared = Array.from({ length: count }, (_, index) => {
    const body = compress[compression](corpus.body(first + index, Date.now()))
    bytes += body.length
    if (bytes > MAX_PREPARED_BYTES) throw new Error(`${count} bodies of ${corpus.records} records do not fit into memory`)
    return body
  })
  return { take: (_connection, attempt) => prepared[attempt - first] }
}
