// Text that a database refuses: NUL, and halves of surrogate pairs, as they are or escaped in JSON. Names and messages come from whoever
// sends telemetry: a signal that cannot be written would be tried for ever, and everything behind it would wait. So each becomes U+FFFD
// on its way in, in what is written as in what is looked for. Callers of the API are refused such text before (plugins/text-guard.ts).
import type { SqlValue } from './store.ts'

const INSTEAD = '\ufffd'
const HIDDEN_ESCAPE = /\\u(?:0000|d[89a-f])/i

export const toStorableText = (text: string): string => text.toWellFormed().replaceAll('\0', INSTEAD)
const cleanValue = (value: unknown): unknown => {
  if (typeof value === 'string') return toStorableText(value)
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value)
    ? value.map(cleanValue)
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [toStorableText(key), cleanValue(inner)]))
}
const cleanJson = (text: string): string => {
  try {
    return JSON.stringify(cleanValue(JSON.parse(text)))
  } catch {
    return text
  }
}

/** JSON goes in as text, so what looks like it is read as such. */
const cleanParameter = (value: SqlValue): SqlValue => {
  if (typeof value !== 'string') return value
  const text = value.includes('\0') || !value.isWellFormed() ? toStorableText(value) : value
  return HIDDEN_ESCAPE.test(text) && /^[[{"]/.test(text) ? cleanJson(text) : text
}

export const toStorable = (params: readonly SqlValue[]): SqlValue[] => params.map(cleanParameter)
