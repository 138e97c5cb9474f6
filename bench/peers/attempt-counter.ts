// Counts the records in requests that somebody has put together anew: by the attempt id and index that each of them carries, found as
// bytes, because decoding would cost the machine more than what is measured.
import { ATTEMPT_DIGITS, attemptId } from '../load/body.ts'
import { ATTEMPT_ID, ATTEMPT_INDEX } from '../load/records.ts'
import type { StoredAttempt } from '../measure/counts.ts'

export interface AttemptCounter {
  add(body: Buffer): void
  records(): number
  attempts(run: string): StoredAttempt[]
}

const KEY = Buffer.from(ATTEMPT_ID)
const INDEX_KEY = Buffer.from(ATTEMPT_INDEX)
const ID_LENGTH = attemptId('', 0).length
/** Tag and length before a key, and before a value. */
const KEY_HEAD = 2
const VALUE_HEAD = 2
const VALUE_TAG = 0x12

const readVarint = (body: Buffer, at: number): number => {
  let value = 0
  for (let shift = 1, byte = 128; byte > 127; shift *= 128, at++) {
    byte = body[at]
    value += (byte & 127) * shift
  }
  return value
}
/** The Collector writes the value of an attribute before its key, others behind it. */
const isBehind = (body: Buffer, keyEnd: number): boolean => body[keyEnd] === VALUE_TAG
const idAt = (body: Buffer, key: number): string => {
  const keyEnd = key + KEY.length
  const start = isBehind(body, keyEnd) ? keyEnd + VALUE_HEAD + 2 : key - KEY_HEAD - ID_LENGTH
  return body.toString('latin1', start, start + ID_LENGTH)
}
const indexAt = (body: Buffer, key: number): number => {
  const keyEnd = key + INDEX_KEY.length
  if (isBehind(body, keyEnd)) return readVarint(body, keyEnd + VALUE_HEAD + 1)
  // Backwards: all bytes of a varint but its last have the high bit.
  let start = key - KEY_HEAD - 1
  while (body[start - 1] > 127) start--
  return readVarint(body, start)
}

export const createAttemptCounter = (): AttemptCounter => {
  const indices = new Map<string, number[]>()
  let records = 0
  return {
    add: (body) => {
      for (let at = body.indexOf(KEY); at >= 0; at = body.indexOf(KEY, at + KEY.length)) {
        const id = idAt(body, at)
        const index = indexAt(body, body.indexOf(INDEX_KEY, at))
        const seen = indices.get(id)
        if (seen === undefined) indices.set(id, [index])
        else seen.push(index)
        records++
      }
    },
    records: () => records,
    attempts: (run) => {
      const prefix = attemptId(run, 0).slice(0, -ATTEMPT_DIGITS)
      return [...indices]
        .filter(([id]) => id.startsWith(prefix))
        .map(([id, all]) => ({
          attempt: Number(id.slice(-ATTEMPT_DIGITS)),
          records: all.length,
          distinct: new Set(all).size,
          isAltered: false,
        }))
    },
  }
}
