// Values made fit for a model: hidden characters gone, long texts cut, and what was cut listed. Pure.
import { sanitise } from './sanitise.ts'

export interface Cut {
  readonly field: string
  readonly bytes: number
  readonly row?: number
}
export interface Cleaning {
  sanitized: number
  readonly cut: Cut[]
}

const bytesOf = (text: string): number => Buffer.byteLength(text)
/** Never through the middle of a character. */
const cutAt = (text: string, limit: number): string => {
  const end = limit > 0 && /[\ud800-\udbff]/.test(text[limit - 1] ?? '') ? limit - 1 : limit
  return `${text.slice(0, end)}…`
}

export const clean = (value: unknown, field: string, limit: number, into: Cleaning, row?: number): unknown => {
  if (typeof value === 'string') {
    const { text, removed } = sanitise(value)
    into.sanitized += removed
    if (text.length <= limit) return text
    into.cut.push({ field, bytes: bytesOf(text), ...(row === undefined ? {} : { row }) })
    return cutAt(text, limit)
  }
  if (Array.isArray(value)) return value.map((one) => clean(one, `${field}[]`, limit, into, row))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [sanitise(key).text, clean(inner, `${field}.${sanitise(key).text}`, limit, into, row)]),
  )
}

/** A cell of a table: an object in it costs at most four times what a text may. */
export const cleanCell = (value: unknown, field: string, limit: number, into: Cleaning, row: number): unknown => {
  const made = clean(value, field, limit, into, row)
  if (typeof made !== 'object' || made === null) return made ?? null
  const text = JSON.stringify(made)
  if (text.length <= limit * 4) return made
  into.cut.push({ field, bytes: bytesOf(text), row })
  return cutAt(text, limit)
}
