// Telemetry is written by whoever sends it. What a terminal or a model would read differently from what a person sees is taken out:
// ANSI sequences, control characters, direction marks, zero-width characters, Unicode tags. Pure.

const ANSI =
  // eslint-disable-next-line no-control-regex
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[@-Z\\-_])|\u009b[0-?]*[ -/]*[@-~]/g
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\u{e0100}-\u{e01ef}]/gu

/** `removed` counts sequences and characters. Tab, line feed and carriage return stay: JSON writes them visibly. */
export const sanitise = (text: string): { text: string; removed: number } => {
  let removed = 0
  const count = (): string => {
    removed += 1
    return ''
  }
  return { text: text.replace(ANSI, count).replace(HIDDEN, count), removed }
}
