// Requests recorded from real clients, one body and one head each, and their replay byte for byte: the same header lines in the
// same case and order, chunked where the client sent it so. Only the address, the token and the heartbeat's path are put in.
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import zlib from 'node:zlib'
import { decompressFrameSync } from 'lz4-napi'
import { uncompressSync } from 'snappy'

const root = join(import.meta.dirname, '../fixtures/clients')

export interface RecordedRequest {
  /** client/case */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Of any case. */
  header(name: string): string
  readonly body: Buffer
}

export const readRecordedRequests = (): RecordedRequest[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const { method, path, headers } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
        method: string
        path: string
        headers: Record<string, string>
      }
      const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
      return {
        name: file.replace(/\.json$/, ''),
        method,
        path,
        headers,
        header: (name) => lower.get(name) ?? '',
        body: readFileSync(join(root, file.replace(/json$/, 'bin'))),
      }
    })

/** https://github.com/google/snappy/blob/main/framing_format.txt, checksums not looked at */
const unframeSnappy = (body: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const chunk = body.subarray(at + 4, at + 4 + body.readUIntLE(at + 1, 3))
    if (body[at] === 0) parts.push(uncompressSync(chunk.subarray(4), { asBuffer: true }) as Buffer)
    if (body[at] === 1) parts.push(chunk.subarray(4))
    at += 4 + chunk.length
  }
  return Buffer.concat(parts)
}

const inflaters: Record<string, (body: Buffer) => Buffer> = {
  '': (body) => body,
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync,
  zlib: zlib.inflateSync,
  zstd: zlib.zstdDecompressSync,
  snappy: (body) => uncompressSync(body, { asBuffer: true }) as Buffer,
  'x-snappy-framed': unframeSnappy,
  lz4: decompressFrameSync,
}
/** By other libraries than the product's where there are any. */
export const inflateRecorded = (recorded: RecordedRequest): Buffer => inflaters[recorded.header('content-encoding')](recorded.body)

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const inTwoChunks = (body: Buffer): Buffer => {
  const cut = Math.ceil(body.length / 2)
  return Buffer.concat([
    ...[body.subarray(0, cut), body.subarray(cut)]
      .filter((part) => part.length > 0)
      .flatMap((part) => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]),
    Buffer.from('0\r\n\r\n'),
  ])
}

export const replay = (recorded: RecordedRequest, target: { address: string; path: string; token: string }): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(target.address)
    const replaced: Record<string, string> = { host, authorization: `Bearer ${target.token}` }
    const lines = Object.entries(recorded.headers).map(([name, value]) => `${name}: ${replaced[name.toLowerCase()] ?? value}`)
    if (target.token !== '' && recorded.header('authorization') === '') lines.push(`Authorization: ${replaced.authorization}`)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, timeout: 10_000 })
    let received: Buffer = Buffer.alloc(0)
    socket.on('error', reject)
    socket.on('timeout', () => {
      socket.destroy(new Error(`${recorded.name}: no answer within 10 s`))
    })
    socket.on('close', () => {
      reject(new Error(`${recorded.name}: closed after ${received.length} bytes of an answer`))
    })
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      const [statusLine, ...rest] = received.toString('latin1', 0, end).split('\r\n')
      const headers = new Map(
        rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      )
      const length = recorded.method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0)
      if (received.length < end + 4 + length) return
      resolve({ status: Number(statusLine.split(' ')[1]), headers, body: received.subarray(end + 4) })
      socket.destroy()
    })
    socket.write(`${recorded.method} ${target.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    socket.write(recorded.header('transfer-encoding') === 'chunked' ? inTwoChunks(recorded.body) : recorded.body)
  })
