// A decode thread: one decoder, its memory kept from range to range. Its blocks own their buffers and are moved back.
import type { DecodeInput } from '../decode-contract.ts'
import { createDecoder } from '../decode/decode.ts'
import type { Answer } from './answer.ts'
import { move } from './pool.ts'

const decode = createDecoder()

const run = (input: DecodeInput): object => {
  try {
    const output = decode(input)
    const buffers = [output.logs, output.spans, output.partials, output.templateCounts].flatMap((block) => (block === null ? [] : [block.buffer as ArrayBuffer]))
    return move({ ok: true, output } satisfies Answer, buffers)
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) } satisfies Answer
  }
}
export default run
