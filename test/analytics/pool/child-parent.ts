// A parent whose decode process hangs; it prints the pid of that process.
import { readFileSync } from 'node:fs'
import { createDecodeChild } from '../../../analytics/pool/decode-child.ts'
import { encodeRequest } from '../../support/otlp-encode.ts'
import { toInput, toMessage } from '../decode/request.ts'

const child = createDecodeChild({ timeoutMs: 60_000 }, new URL('../../support/killing-worker.mjs', import.meta.url))
const told = (text: string) =>
  toInput([toMessage(encodeRequest({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: text } }] }] }] }))])
await child.decode(told('fine'))
void child.decode(told('HANG'))
// It hangs by the time that its thread has been busy for a while.
setTimeout(() => console.log(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim()), 300)
