// Values → the text that is stored, as the Collector's ClickHouse exporter writes them: strings as they are, bool true/false,
// integers in decimal, doubles as ECMAScript and Go's JSON write them (-0 as -0; NaN and infinities as Go's AsString has
// them, inside lists and maps as "NaN", "+Inf", "-Inf"), bytes as base64, lists and maps as JSON with sorted keys (the last
// of a repeated key), no value as ''.
import type { JsonAttributes, JsonValue } from '../../streams/otlp/otlp-json-value.ts'

const nonFinite = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf')

export const doubleText = (value: number): string => {
  if (!Number.isFinite(value)) return `json: unsupported value: ${nonFinite(value)}`
  return Object.is(value, -0) ? '-0' : String(value)
}

const base64 = (value: Uint8Array): string => Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')

/** Arrays and Uint8Arrays have an `entries` too: theirs is a method. */
export const isMap = (value: JsonValue): value is { readonly entries: JsonAttributes } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** Code point order, which is the order of their UTF-8 bytes. */
const byCodePoint = (a: string, b: string): number => {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    // Surrogates stand for code points above every other unit.
    if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y)
  }
  return a.length - b.length
}

const toJson = (value: JsonValue): string => {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? doubleText(value) : `"${nonFinite(value)}"`
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
  }
  if (value instanceof Uint8Array) return `"${base64(value)}"`
  if (!isMap(value)) return `[${value.map(toJson).join(',')}]`
  const last = new Map(value.entries)
  return `{${[...last.keys()]
    .sort(byCodePoint)
    .map((key) => `${JSON.stringify(key)}:${toJson(last.get(key) ?? null)}`)
    .join(',')}}`
}

export const valueText = (value: JsonValue): string => {
  if (value === null) return ''
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return doubleText(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
      return value instanceof Uint8Array ? base64(value) : toJson(value)
  }
}
