// The decode process: the same blocks as on this thread, and every way in which it can end told apart from the decoder's own.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeBatch } from '../../../analytics/decode/decode.ts'
import { createDecodeChild, type DecodeChildConfig } from '../../../analytics/pool/decode-child.ts'
import type { DecodePool } from '../../../analytics/pool/pool.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { request, toInput, toMessage } from '../decode/request.ts'

const killing = new URL('../../support/killing-worker.mjs', import.meta.url)
const children: DecodePool[] = []
const open = (config: Partial<DecodeChildConfig> = {}, worker?: URL): DecodePool => {
  const child = createDecodeChild({ timeoutMs: 20_000, ...config }, worker)
  children.push(child)
  return child
}
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.close()))
})

const input = toInput([toMessage(encodeRequest(request)), toMessage(Uint8Array.of(10, 90), {}, 8)])
const told = (text: string) =>
  toInput([toMessage(encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: text } }] }] }] }))])

describe('the decode process', () => {
  it('gives what decoding here gives, byte for byte, poison included', async () => {
    const child = open()
    const here = decodeBatch(input)
    for (const output of await Promise.all([child.decode(input), child.decode(input)])) {
      expect(Buffer.compare(output.logs as Uint8Array, here.logs as Uint8Array)).toBe(0)
      expect(Buffer.compare(output.partials as Uint8Array, here.partials as Uint8Array)).toBe(0)
      expect(output).toMatchObject({ logRows: 3, poison: here.poison })
    }
  })

  it('dies alone, and is there again for the next', async () => {
    const child = open({}, killing)
    await expect(child.decode(told('KILL THE PROCESS'))).rejects.toMatchObject({ code: 'CHILD_DIED' })
    expect(await child.decode(told('fine'))).toMatchObject({ logRows: 1 })
  })

  it('is ended when it takes more memory than it may', async () => {
    const child = open({ maxMemoryBytes: 400 * 1024 * 1024 }, killing)
    await expect(child.decode(told('TAKE ALL MEMORY'))).rejects.toMatchObject({ code: 'CHILD_DIED' })
    expect(await child.decode(told('fine'))).toMatchObject({ logRows: 1 })
  })

  it('takes alerts beside logs, and gives the rows of the logs', async () => {
    const alert = (text: string) => toMessage(Buffer.from(text), { signal: 'alertmanager', format: 'json' }, 6)
    const child = open()
    expect(await child.decode(toInput([alert('{"alerts":[]}'), ...input.messages]))).toMatchObject({ logRows: 3, poison: [{ offset: 8 }] })
    expect(await child.decode(toInput([alert('no alert')]))).toMatchObject({ logs: null, logRows: 0, poison: [] })
  })

  it('tells what takes too long from what ends it', async () => {
    const child = open({ timeoutMs: 500 }, killing)
    await child.decode(told('fine'))
    await expect(child.decode(told('HANG'))).rejects.toMatchObject({ code: 'DECODE_TIMEOUT' })
    expect(await child.decode(told('fine'))).toMatchObject({ logRows: 1 })
  })

  it('starts anew after it was ended for being idle', async () => {
    const child = open({ idleMs: 1 })
    for (let round = 0; round < 2; round += 1) {
      expect(await child.decode(input)).toMatchObject({ logRows: 3 })
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })

  it('holds nothing against the messages when it is closed', async () => {
    const child = open({}, killing)
    await child.decode(told('fine'))
    const running = expect(child.decode(told('HANG'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    const waiting = expect(child.decode(told('fine'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await child.close()
    await Promise.all([running, waiting])
    await expect(child.decode(told('fine'))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })

  it('ends with a parent that is killed, although its decoder hangs', async () => {
    const parent = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('child-parent.ts', import.meta.url))],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (line: Buffer) => resolve(Number(line.toString()))))
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    for (const deadline = Date.now() + 5000; isAlive(pid) && Date.now() < deadline;) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isAlive(pid)).toBe(false)
  })
})

/** One that has ended and waits to be collected does not count. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
