// What is masked in a message and what is not; and that hash and text never disagree.
import { describe, expect, it } from 'vitest'
import { createMaskedText, cutText } from '../../../analytics/series/masked-text.ts'
import { hashTemplate } from '../../../analytics/series/template-hash.ts'

const hash = { low: 0, high: 0 }
const maskedText = createMaskedText()
const textOf = (text: string): string => {
  const bytes = new TextEncoder().encode(text)
  return maskedText(bytes, 0, bytes.length)
}
const hashOf = (bytes: Uint8Array, from = 0, length = bytes.length): string => {
  hashTemplate(hash, bytes, from, length)
  return `${hash.high}:${hash.low}`
}

describe('a masked text', () => {
  it.each([
    ['took 12 ms', 'took <num> ms'],
    ['took 12ms', 'took <num>'],
    ['took 1.5s', 'took <num>'],
    ['took 850µs', 'took <num>'],
    ['offset -5 and 3', 'offset <num> and <num>'],
    ['from 10.0.0.1:5432', 'from <num>'],
    ['from fe80::1ff:fe23:4567:890a', 'from <num>'],
    ['at 2026-01-02T03:04:05.678Z', 'at <num>'],
    ['v1.22.333', 'v<num>.<num>'],
    ['id 6f1c2d3e-aaaa-bbbb-cccc-1234567890ab', 'id <num>'],
    ['sha deadbeefcafe', 'sha <num>'],
    ['key 01ARZ3NDEKTSV4RRFFQ69G5FAV', 'key <num>'],
    ['pod web-7d9f8b6c5-x2k4z', 'pod web-<num>'],
    ['[Sun Dec 04 04:47:44 2005] up', '[<num> <num> <num> <num> <num>] up'],
    ['[10/Oct/2000:13:55:36 -0700] x', '[<num>/<num> <num>] x'],
    ['1/2/2026 3:04:05 PM saved', '<num> <num> <num> saved'],
    ['May be wrong, Sun is up, I AM', 'May be wrong, Sun is up, I AM'],
    ['sizes [1, 2, 3]', 'sizes [<num>, <num>, <num>]'],
    ['ids 1,2,3', 'ids <num>'],
    ['worker12 of table_7_x', 'worker<num> of table_<num>_x'],
    ['order "abc def" failed', 'order <str> failed'],
    ["don't stop", "don't stop"],
    ['level=info msg="User logged in" user=7', 'level=info msg="User logged in" user=<num>'],
    [
      '{"level":"info","msg":"cache miss for \\"k 1\\"","ms":12,"ok":true}',
      '{"level":<str>,"msg":"cache miss for \\<str>","ms":<num>,"ok":true}',
    ],
    ['{"user":"anna","error": "timed out."}', '{"user":<str>,"error": "timed out."}'],
    ['grüße an 3 Gäste', 'grüße an <num> Gäste'],
    ['注文 42 が失敗', '注文 <num> が失敗'],
    ['', ''],
  ])('of %j is %j', (text, masked) => expect(textOf(text)).toBe(masked))

  it('is at most 1,024 bytes long and cut between characters', () => {
    for (const text of ['ü'.repeat(40_000), `a${'注'.repeat(30_000)}`, '1 '.repeat(40_000), '"x" '.repeat(20_000), 'x'.repeat(65_536)]) {
      expect(Buffer.byteLength(textOf(text))).toBeLessThanOrEqual(1024)
      expect(textOf(text)).not.toContain('\ufffd')
    }
    expect(cutText(Buffer.from('aü'), 0, 3, 2)).toBe('a')
  })
})

describe('hash and text of a message', () => {
  const PARTS = [
    'a',
    'user',
    'x1',
    '7',
    '0x1f',
    'deadbeef',
    '"',
    "'",
    'msg=',
    '"error":',
    '{',
    '}',
    ' ',
    ' ',
    ':',
    '-',
    '.',
    ',',
    '\\',
    '/',
    'ü',
    '注文',
    '3.5',
    '_',
    '=',
    '\n',
  ]
  const random = (() => {
    let state = 7
    return (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 4_294_967_296) * below)
    }
  })()
  const message = (): string => Array.from({ length: 1 + random(12) }, () => PARTS[random(PARTS.length)]).join('')

  it('are equal together and different together', () => {
    const textByHash = new Map<string, string>()
    const hashByText = new Map<string, string>()
    for (let i = 0; i < 60_000; i++) {
      const text = message()
      const masked = textOf(text)
      const hash = hashOf(new TextEncoder().encode(text))
      expect(textByHash.get(hash) ?? masked, text).toBe(masked)
      expect(hashByText.get(masked) ?? hash, text).toBe(hash)
      textByHash.set(hash, masked)
      hashByText.set(masked, hash)
    }
    expect(textByHash.size).toBeGreaterThan(10_000)
  })

  it('do not depend on what stands around it', () => {
    for (let i = 0; i < 5_000; i++) {
      const bytes = new TextEncoder().encode(message())
      const around = new TextEncoder().encode(
        `${PARTS[random(PARTS.length)]}${new TextDecoder().decode(bytes)}${PARTS[random(PARTS.length)]}`,
      )
      const from = around.findIndex((_, at) => Buffer.from(around.subarray(at, at + bytes.length)).equals(bytes))
      expect(hashOf(around, from, bytes.length)).toBe(hashOf(bytes))
    }
  })
})
