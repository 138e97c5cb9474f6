// A decode thread: one decoder, its memory kept from range to range. The block of rows goes into the shared memory that came with the
// task, if it fits; other blocks own their buffers and are moved back.
import type { Allocate } from '../decode-contract.ts'
import { createDecoder } from '../decode/decode.ts'
import type { Answer } from './answer.ts'
import type { DecodeTask } from './pool.ts'
import { move } from './pool.ts'

const decode = createDecoder()

const allocateIn = (into: SharedArrayBuffer | null): Allocate | undefined =>
  into === null ? undefined : (bytes) => new Uint8Array(bytes <= into.byteLength ? into : new ArrayBuffer(bytes), 0, bytes)

const run = (task: DecodeTask): object => {
  try {
    const output = decode(task, allocateIn(task.into))
    const buffers = [output.logs, output.spans, output.partials, output.templateCounts].flatMap((block) =>
      block?.buffer instanceof ArrayBuffer ? [block.buffer] : [],
    )
    return move({ ok: true, output } satisfies Answer, buffers)
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) } satisfies Answer
  }
}
export default run
