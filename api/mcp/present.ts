// An answer of the API → what a model is given: few bytes, nothing left out silently, the same facts in every form. Pure.
import { clean, cleanCell, type Cleaning } from './cells.ts'
import { FIELD_LIMIT, type Shape } from './shapes.ts'

export interface Wish {
  readonly detail: 'concise' | 'detailed'
  readonly fields: readonly string[] | null
  readonly maxBytes: number
}
export type Answer = Readonly<Record<string, unknown>>
export interface Presented {
  readonly value: Record<string, unknown>
  /** Rows that fit when not all did. */ readonly fitting: number | null
}

export const DEFAULT_BYTES = 16 * 1024
export const MAX_BYTES = 48 * 1024
const MAX_CUTS = 20

export const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
const remarks = (cleaning: Cleaning): Record<string, unknown> => ({
  ...(cleaning.sanitized === 0 ? {} : { sanitized: cleaning.sanitized }),
  ...(cleaning.cut.length === 0
    ? {}
    : { cut: cleaning.cut.slice(0, MAX_CUTS), ...(cleaning.cut.length > MAX_CUTS ? { cut_more: cleaning.cut.length - MAX_CUTS } : {}) }),
})

/** Every column that a row has, those of the first rows first. */
export const columnsOf = (rows: readonly Answer[]): readonly string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))]

const chosen = (rows: readonly Answer[], shape: Shape, { detail, fields }: Wish): readonly string[] => {
  if (fields !== null) return fields
  if (detail === 'detailed' || shape.concise === undefined) return columnsOf(rows)
  return shape.concise
}

/** Rows that are arrays, with the names of their columns. */
const byName = (columns: unknown, rows: unknown): readonly Answer[] =>
  (rows as unknown[][]).map((row) => Object.fromEntries((columns as string[]).map((column, index) => [column, row[index]])))
export const rowsOf = (answer: Answer, shape: Shape): readonly Answer[] => {
  const list = answer[shape.list!]
  return shape.isTable === true ? byName(answer.columns, list) : (list as readonly Answer[])
}

const truncation = (isWhole: boolean, isCut: boolean, why: string | null): Record<string, unknown> => {
  const reason = !isWhole ? 'max_bytes' : (why ?? (isCut ? 'long_fields' : null))
  return reason === null ? { truncated: false } : { truncated: true, truncated_reason: reason }
}

/** How many records match, as far as they were counted: every one of them has a level. */
const matchedOf = (facets: unknown, isPartial: boolean): Record<string, number> => {
  const levels = (facets as { level?: Record<string, number> } | undefined)?.level
  if (levels === undefined) return {}
  const count = Object.values(levels).reduce((sum, one) => sum + one, 0)
  return isPartial ? { matched_at_least: count } : { matched: count }
}

const presentList = (answer: Answer, shape: Shape, wish: Wish): Presented => {
  const { [shape.list!]: _list, ...rest } = answer
  const rows = rowsOf(answer, shape)
  const columns = shape.isTable === true && wish.fields === null ? (answer.columns as string[]) : chosen(rows, shape, wish)
  const [cursorName = ''] = shape.cursor ?? []
  const {
    [cursorName]: cursor,
    facets,
    facetsFrom: _from,
    facetsPartial: isPartial,
    tookMs: _took,
    truncated: isShort,
    truncatedReason: why,
    columns: _columns,
    emptyReason: _reason,
    nearestDataAt: _nearest,
    unknownFields: _unknown,
    ...told
  } = rest
  // Of a table that was counted, what rows are grouped by is text of others.
  const untrusted = columns.filter((column) =>
    shape.isTable === true ? column !== 'time' && rows.some((row) => typeof row[column] === 'string') : shape.untrusted?.includes(column),
  )
  const build = (count: number, limit = shape.fieldLimit ?? FIELD_LIMIT): Record<string, unknown> => {
    const cleaning: Cleaning = { sanitized: 0, cut: [] }
    const cells = rows.slice(0, count).map((row, index) => columns.map((column) => cleanCell(row[column], column, limit, cleaning, index)))
    const isWhole = count === rows.length
    return {
      columns,
      rows: cells,
      returned: count,
      has_more: cursor !== undefined || !isWhole,
      ...(cursor === undefined || !isWhole ? {} : { next_cursor: cursor }),
      ...matchedOf(facets, isPartial === true),
      ...truncation(isWhole, cleaning.cut.length > 0, isShort === true && (shape.isTable === true || why === 'time') ? String(why) : null),
      ...(clean(told, '', FIELD_LIMIT, cleaning) as object),
      ...(untrusted.length === 0 ? {} : { untrusted }),
      ...remarks(cleaning),
    }
  }
  const fits = (value: object): boolean => sizeOf(value) <= wish.maxBytes
  const whole = build(rows.length)
  if (fits(whole)) return { value: whole, fitting: null }
  let [low, high] = [Math.min(1, rows.length), rows.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(build(middle))) low = middle
    else high = middle - 1
  }
  // One row at least, whatever it takes.
  let value = build(low)
  for (let limit = FIELD_LIMIT / 2; !fits(value) && limit >= 32; limit /= 2) value = build(low, limit)
  return { value, fitting: low < rows.length ? low : null }
}

interface Place {
  readonly holder: Record<string, unknown>
  readonly key: string
  readonly path: string
  readonly list: readonly unknown[]
}
const listsIn = (value: unknown, path: string): Place[] => {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap((one) => listsIn(one, `${path}[]`))
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = path === '' ? key : `${path}.${key}`
    return [
      ...(Array.isArray(inner) && inner.length > 1
        ? [{ holder: value as Record<string, unknown>, key, path: at, list: inner as unknown[] }]
        : []),
      ...listsIn(inner, at),
    ]
  })
}

/** The longest lists are halved until it fits; how much of each is shown is said. */
const presentObject = (answer: Answer, shape: Shape, { fields, maxBytes }: Wish): Presented => {
  const picked = fields === null ? answer : Object.fromEntries(Object.entries(answer).filter(([key]) => fields.includes(key)))
  const untrusted = Object.keys(picked).filter((key) => shape.untrusted?.includes(key))
  const shown = new Map<string, { field: string; shown: number; total: number }>()
  for (let limit = shape.fieldLimit ?? FIELD_LIMIT; ; limit = Math.floor(limit / 2)) {
    const cleaning: Cleaning = { sanitized: 0, cut: [] }
    const value = Object.fromEntries(Object.entries(picked).map(([key, one]) => [key, clean(one, key, limit, cleaning)]))
    const told = (): Record<string, unknown> => ({
      ...value,
      ...(untrusted.length === 0 ? {} : { untrusted }),
      truncated: shown.size > 0 || cleaning.cut.length > 0,
      ...(shown.size === 0 ? {} : { truncated_reason: 'max_bytes', truncated_lists: [...shown.values()] }),
      ...remarks(cleaning),
    })
    shown.clear()
    while (sizeOf(told()) > maxBytes) {
      const largest = listsIn(value, '').sort((a, b) => sizeOf(b.list) - sizeOf(a.list))[0]
      if (largest === undefined) break
      const kept = Math.ceil(largest.list.length / 2)
      largest.holder[largest.key] = largest.list.slice(0, kept)
      shown.set(largest.path, {
        field: largest.path,
        shown: kept,
        total: Math.max(shown.get(largest.path)?.total ?? 0, largest.list.length),
      })
    }
    if (sizeOf(told()) <= maxBytes || limit < 32) return { value: told(), fitting: null }
  }
}

export const present = (answer: Answer, shape: Shape, wish: Wish): Presented =>
  shape.list !== undefined && Array.isArray(answer[shape.list]) ? presentList(answer, shape, wish) : presentObject(answer, shape, wish)
