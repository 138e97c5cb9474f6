// A decode process: one decode thread, told what to decode over the channel to its parent; alerts are read too, to see that
// they can be. Whatever ends this process ends nothing else. Its own thread stays free, so it sees when its parent is gone and when it takes too much memory.
import { writeFileSync } from 'node:fs'
import { MAX_EXPANDED_BYTES } from '../../streams/otlp/walk.ts'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import type { DecodeInput, DecodeOutput } from '../decode-contract.ts'
import { isDecoded } from '../decode-range.ts'
import { createAlertReader } from '../read-alerts.ts'
import { isAlerts } from '../signals.ts'
import type { ChildAnswer } from './decode-child.ts'
import { createDecodePool } from './pool.ts'

const [workerFile, timeoutMs, maxMemoryBytes] = process.argv.slice(2)
const WATCH_EVERY_MS = 50

/** When memory runs out, Linux ends this process before its parent. */
const goFirst = (): void => {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Another system: the limit below is all there is.
  }
}

const pool = createDecodePool({ threads: 1, timeoutMs: Number(timeoutMs) }, new URL(workerFile))
const readAlerts = createAlertReader(MAX_EXPANDED_BYTES)

/** Shared memory goes to no other process, and the child's own is used again. */
const toSend = ({ release, ...output }: DecodeOutput): DecodeOutput => {
  const sent = { ...output, logs: output.logs === null ? null : Uint8Array.from(output.logs) }
  release?.()
  return sent
}

const answerTo = async (input: DecodeInput): Promise<ChildAnswer> => {
  try {
    for (const message of input.messages.filter(isAlerts)) await readAlerts(message)
    return { ok: true, output: toSend(await pool.decode({ ...input, messages: input.messages.filter(isDecoded) })) }
  } catch (error) {
    const code = error instanceof PermanentError || error instanceof TransientError ? error.code : 'DECODE_FAILED'
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) }
  }
}

goFirst()
// Ctrl-C reaches the whole group: the parent says when to end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))
process.on('message', (input: DecodeInput) => void answerTo(input).then((answer) => process.send?.(answer)))
setInterval(() => {
  if (process.memoryUsage.rss() > Number(maxMemoryBytes)) process.kill(process.pid, 'SIGKILL')
}, WATCH_EVERY_MS)
process.send?.('ready')
