// What a decode thread answers. An error of the decoder itself is an answer too, so that a rejection can only mean the thread's end.
import type { DecodeOutput } from '../decode-contract.ts'

export type Answer = { readonly ok: true; readonly output: DecodeOutput } | { readonly ok: false; readonly message: string }
