// Decode threads: the same blocks as on this thread, bodies untouched, and every way a thread can fail told apart.
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import { createDecodePool } from '../../../analytics/pool/pool.ts'
import type { DecodePool } from '../../../analytics/pool/pool.ts'
import { toRange } from '../../../analytics/ranges.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { request, rowsOf, stored, toInput, toMessage } from '../decode/request.ts'

const pools: DecodePool[] = []
const open = (threads: number, timeoutMs: number, worker?: URL): DecodePool => {
  const pool = createDecodePool({ threads, timeoutMs }, worker)
  pools.push(pool)
  return pool
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const input = toInput([toMessage(encodeRequest(request)), toMessage(Uint8Array.of(10, 90), {}, 8)])
const told = (logId: string) => ({ ...input, logId })
const testWorker = new URL('test-worker.mjs', import.meta.url)

describe('the decode pool', () => {
  it('gives what decoding here gives, many ranges at a time, and leaves the bodies to their owner', async () => {
    const pool = open(2, 60_000)
    const here = decodeBatch(input)
    const outputs = await Promise.all(Array.from({ length: 8 }, () => pool.decode(input)))
    for (const output of outputs) {
      expect(Buffer.compare(output.logs as Uint8Array, here.logs as Uint8Array)).toBe(0)
      expect(Buffer.compare(output.partials as Uint8Array, here.partials as Uint8Array)).toBe(0)
      expect(output).toMatchObject({ logRows: 3, poison: here.poison })
    }
    expect(rowsOf(outputs[7])).toEqual(stored)
    expect(input.messages[0].body.byteLength).toBeGreaterThan(0)
  })

  it('keeps a block untouched until it is released, however many are decoded meanwhile, and uses its memory again afterwards', async () => {
    const pool = open(1, 60_000)
    const held = await Promise.all(Array.from({ length: 7 }, () => pool.decode(input)))
    const first = Buffer.from(held[0].logs as Uint8Array)
    await pool.decode(toInput([toMessage(encodeRequest(request)), toMessage(encodeRequest(request))]))
    expect(Buffer.compare(held[0].logs as Uint8Array, first)).toBe(0)
    expect(new Set(held.map(({ logs }) => logs?.buffer)).size).toBe(7)
    const { buffer } = held[0].logs as Uint8Array
    held[0].release?.()
    // Twice is once: by now it may be another's.
    held[0].release?.()
    const [next, after] = [await pool.decode(input), await pool.decode(input)]
    expect(new Uint8Array(buffer)[0]).toBe(next.logs?.[0])
    expect(after.logs?.buffer).not.toBe(next.logs?.buffer)
    expect(Buffer.compare(next.logs as Uint8Array, first)).toBe(0)
  })

  it('copies the body of a stored message once, to where it is wanted, and never asks for it otherwise', async () => {
    const copied: number[] = []
    const messages = input.messages.map(({ offset, envelope, body }) => ({
      offset,
      envelope,
      get body(): Uint8Array {
        throw new Error('nobody needs a body of its own')
      },
      stored: {
        bytes: body.byteLength,
        copyTo: (target: Uint8Array) => {
          copied.push(offset)
          target.set(body)
        },
      },
    }))
    const output = await open(1, 60_000).decode({ ...input, messages })
    expect(rowsOf(output)).toEqual(stored)
    expect(copied).toEqual(input.messages.map(({ offset }) => offset))
    expect(toRange(0, messages as never).cost).toBeGreaterThan(0)
  })

  it('decodes every compression and encoding out of memory that it shares with this thread', async () => {
    const pool = open(1, 60_000)
    const body = Buffer.from(encodeRequest(request))
    const messages = [
      toMessage(gzipSync(body), { compression: 'gzip' }, 7),
      toMessage(deflateSync(body), { compression: 'deflate' }, 8),
      toMessage(zstdCompressSync(body), { compression: 'zstd' }, 9),
      toMessage(brotliCompressSync(body), { compression: 'br' }, 10),
      toMessage(compressSync(body), { compression: 'snappy' }, 11),
      toMessage(compressFrameSync(body), { compression: 'lz4' }, 12),
      toMessage(Buffer.from('{"message":"grüße"}'), { signal: 'json_logs', format: 'json' }, 13),
      toMessage(Buffer.from('{"message":"a"}\n{"message":"b"}'), { signal: 'json_logs', format: 'ndjson' }, 14),
    ]
    const there = await pool.decode(toInput(messages))
    expect(there).toMatchObject({ logRows: 21, poison: [] })
    expect(Buffer.compare(there.logs as Uint8Array, decodeBatch(toInput(messages)).logs as Uint8Array)).toBe(0)
  })

  it('tells a dead thread from a decoder that failed, and goes on with a new one', async () => {
    const pool = open(1, 60_000, testWorker)
    await expect(pool.decode(told('die'))).rejects.toMatchObject({ code: 'WORKER_DIED' })
    await expect(pool.decode(told('fail'))).rejects.toMatchObject({ code: 'DECODE_FAILED', message: 'as told' })
    expect(await pool.decode(told('fine'))).toMatchObject({ logRows: 2 })
  })

  it('ends a thread that hangs and goes on with a new one', async () => {
    const pool = open(1, 500, testWorker)
    await pool.decode(told('fine'))
    await expect(pool.decode(told('hang'))).rejects.toMatchObject({ code: 'DECODE_TIMEOUT' })
    expect(await pool.decode(told('fine'))).toMatchObject({ logRows: 2 })
  })

  it('does not count waiting for a thread as time of decoding', async () => {
    const pool = open(1, 1000, testWorker)
    await pool.decode(told('fine'))
    const outputs = await Promise.all(Array.from({ length: 6 }, () => pool.decode(told('slow'))))
    expect(outputs).toHaveLength(6)
  })

  it('holds nothing against the messages when it is closed', async () => {
    const pool = open(1, 60_000, testWorker)
    await pool.decode(told('fine'))
    const running = expect(pool.decode(told('hang'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    const waiting = expect(pool.decode(told('fine'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await pool.close()
    await Promise.all([running, waiting])
    await expect(pool.decode(told('fine'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})
