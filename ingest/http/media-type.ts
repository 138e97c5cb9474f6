// What a Content-Type header names, parameters and case aside.

/** "Application/JSON; charset=utf-8" → "application/json"; empty when absent. */
export const mediaType = (header: string): string => {
  const end = header.indexOf(';')
  return (end < 0 ? header : header.slice(0, end)).trim().toLowerCase()
}

export const ENCODINGS = 'identity, gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4, br'
