// Content-Encoding → plain bytes, every encoding under one running cap: memory never grows past it, whatever a body claims.
// Pure but for zlib's thread pool; trailing bytes after the stream are malformed in every encoding.
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { uncompress, uncompressSync } from 'snappy'
import type { Compression } from './contracts/envelope.ts'
import { inflateLz4Frame } from './lz4-frame.ts'
import { inflateSnappyFrames, readSnappyLength } from './snappy-frame.ts'
import { splitZstdFrames } from './zstd-frame.ts'

export type InflateResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: 'malformed' | 'too_large'; readonly message: string }

const encodings: Record<string, Compression> = {
  '': 'identity',
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  zstd: 'zstd',
  deflate: 'deflate',
  zlib: 'deflate',
  snappy: 'snappy',
  'x-snappy-framed': 'x-snappy-framed',
  lz4: 'lz4',
  br: 'br',
}

/** The Collector's names and the registered ones; null = not one of ours (also several encodings on top of each other). */
export const parseContentEncoding = (header: string): Compression | null => {
  const name = header.trim().toLowerCase()
  return Object.hasOwn(encodings, name) ? encodings[name] : null
}

const malformedBody = (compression: Compression): InflateResult => ({
  ok: false,
  reason: 'malformed',
  message: `the body is not valid ${compression}`,
})
const largeBody = (maxBytes: number): InflateResult => ({
  ok: false,
  reason: 'too_large',
  message: `the body inflates to more than ${maxBytes} bytes`,
})

type ZlibCompression = 'gzip' | 'zstd' | 'deflate' | 'br'
interface ZlibInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}
type ZlibOptions = zlib.ZlibOptions & zlib.BrotliOptions & zlib.ZstdOptions
type ZlibSync = (body: Uint8Array, options: ZlibOptions) => unknown
type ZlibAsync = (body: Uint8Array, options: ZlibOptions, done: (error: Error | null, result: unknown) => void) => void

const codecs: Record<ZlibCompression | 'raw', { readonly sync: ZlibSync; readonly async: ZlibAsync }> = {
  gzip: { sync: zlib.gunzipSync, async: zlib.gunzip as ZlibAsync },
  deflate: { sync: zlib.inflateSync, async: zlib.inflate as ZlibAsync },
  raw: { sync: zlib.inflateRawSync, async: zlib.inflateRaw as ZlibAsync },
  zstd: { sync: zlib.zstdDecompressSync, async: zlib.zstdDecompress as ZlibAsync },
  br: { sync: zlib.brotliDecompressSync, async: zlib.brotliDecompress as ZlibAsync },
}

/** `deflate` means zlib-wrapped; some clients send it raw. */
const isZlibWrapped = (body: Uint8Array): boolean => (body[0] & 15) === 8 && (body[0] * 256 + body[1]) % 31 === 0
const codecOf = (compression: ZlibCompression, body: Uint8Array) =>
  codecs[compression === 'deflate' && !isZlibWrapped(body) ? 'raw' : compression]

const optionsFor = (compression: ZlibCompression, body: Uint8Array, room: number, maxBytes: number): ZlibOptions => ({
  // zlib refuses a limit of 0: with no room left one byte more is what tells.
  maxOutputLength: Math.max(1, room),
  // Fewer, larger chunks for large bodies; never more than the cap.
  chunkSize: Math.max(1024, Math.min(Math.max(1, room), 1024 * 1024, body.length * 4)),
  info: true,
  // A zstd frame may ask for a window of 128 MiB before its first byte: no more than the cap needs.
  ...(compression === 'zstd'
    ? { params: { [zlib.constants.ZSTD_d_windowLogMax]: Math.min(27, Math.max(23, Math.ceil(Math.log2(maxBytes)))) } }
    : {}),
})

const fromZlib = (result: unknown, body: Uint8Array, compression: ZlibCompression): InflateResult => {
  const { buffer, engine } = result as ZlibInfo
  // Fewer bytes read than sent: something follows the stream.
  return engine.bytesWritten === body.length ? { ok: true, bytes: buffer } : malformedBody(compression)
}
const fromZlibError = (error: unknown, compression: ZlibCompression, maxBytes: number): InflateResult =>
  (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? largeBody(maxBytes) : malformedBody(compression)

/** Raw snappy says its size first; it is believed only if it is under the cap and its body could hold that much (64 bytes from 3). */
const checkSnappy = (body: Uint8Array, maxBytes: number): InflateResult | null => {
  const length = readSnappyLength(body)
  if (length === null) return malformedBody('snappy')
  if (length > maxBytes) return largeBody(maxBytes)
  return length > body.length * 22 ? malformedBody('snappy') : null
}

/** Those that need no thread pool: null when `compression` is one of zlib's or raw snappy. */
const inflateHere = (body: Uint8Array, compression: Compression, maxBytes: number): InflateResult | null => {
  if (compression === 'identity') return body.length > maxBytes ? largeBody(maxBytes) : { ok: true, bytes: body }
  if (body.length === 0) return malformedBody(compression)
  if (compression === 'x-snappy-framed') return inflateSnappyFrames(body, maxBytes)
  if (compression === 'lz4') return inflateLz4Frame(body, maxBytes)
  return compression === 'snappy' ? checkSnappy(body, maxBytes) : null
}

/** The independent streams of a body; only zstd's have to be told apart here, node:zlib knows the others' ends. */
const partsOf = (body: Uint8Array, compression: ZlibCompression): readonly Uint8Array[] =>
  compression === 'zstd' ? (splitZstdFrames(body) ?? []) : [body]

const join = (parts: readonly Uint8Array[], compression: ZlibCompression): InflateResult =>
  parts.length === 0 ? malformedBody(compression) : { ok: true, bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts) }

const inflateZlibSync = (body: Uint8Array, compression: ZlibCompression, maxBytes: number): InflateResult => {
  const done: Uint8Array[] = []
  let room = maxBytes
  for (const part of partsOf(body, compression)) {
    const options = optionsFor(compression, part, room, maxBytes)
    try {
      const result = fromZlib(codecOf(compression, part).sync(part, options), part, compression)
      if (!result.ok) return result
      room -= result.bytes.length
      done.push(result.bytes)
    } catch (error) {
      return fromZlibError(error, compression, maxBytes)
    }
  }
  return room < 0 ? largeBody(maxBytes) : join(done, compression)
}

const inflateZlib = async (body: Uint8Array, compression: ZlibCompression, maxBytes: number): Promise<InflateResult> => {
  const done: Uint8Array[] = []
  let room = maxBytes
  for (const part of partsOf(body, compression)) {
    const options = optionsFor(compression, part, room, maxBytes)
    try {
      const result = fromZlib(await promisify(codecOf(compression, part).async)(part, options), part, compression)
      if (!result.ok) return result
      room -= result.bytes.length
      done.push(result.bytes)
    } catch (error) {
      return fromZlibError(error, compression, maxBytes)
    }
  }
  return room < 0 ? largeBody(maxBytes) : join(done, compression)
}

/** `maxBytes` at least 1. Large bodies of any encoding belong off the event loop: lz4 and framed snappy have no pool either way. */
export const inflateSync = (body: Uint8Array, compression: Compression, maxBytes: number): InflateResult => {
  const here = inflateHere(body, compression, maxBytes)
  if (here !== null) return here
  if (compression !== 'snappy') return inflateZlibSync(body, compression as ZlibCompression, maxBytes)
  try {
    return { ok: true, bytes: uncompressSync(body, { asBuffer: true }) as Buffer }
  } catch {
    return malformedBody('snappy')
  }
}

/** As inflateSync, on the thread pool where the encoding allows it. Never rejects. */
export const inflate = async (body: Uint8Array, compression: Compression, maxBytes: number): Promise<InflateResult> => {
  const here = inflateHere(body, compression, maxBytes)
  if (here !== null) return here
  if (compression !== 'snappy') return inflateZlib(body, compression as ZlibCompression, maxBytes)
  return uncompress(body, { asBuffer: true }).then(
    (bytes): InflateResult => ({ ok: true, bytes: bytes as Buffer }),
    () => malformedBody('snappy'),
  )
}
