// Bodies as clients compress them, in every encoding that is taken, by the makers' own libraries.
import zlib from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { Compressor, compressSync } from 'snappy'
import type { Compression } from '../../streams/contracts/envelope.ts'

const frameSnappy = async (bytes: Uint8Array): Promise<Buffer> => {
  const compressor = new Compressor()
  const head = compressor.update(bytes)
  return Buffer.concat([head, await compressor.finish()])
}
export const compressors: Readonly<Record<Exclude<Compression, 'identity'>, (bytes: Uint8Array) => Buffer | Promise<Buffer>>> = {
  gzip: (bytes) => zlib.gzipSync(bytes),
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
  deflate: (bytes) => zlib.deflateSync(bytes),
  br: (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  snappy: (bytes) => compressSync(Buffer.from(bytes)),
  'x-snappy-framed': frameSnappy,
  lz4: (bytes) => compressFrameSync(Buffer.from(bytes)),
}
