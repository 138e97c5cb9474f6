// The columns of otel_logs while a range is decoded. Rows are appended; what a resource and a scope give to all of their
// rows is filled in behind them; a message that fails is taken back whole. Owned by one decoder and reused by its next range.
import { createBytes } from './bytes.ts'
import type { Bytes } from './bytes.ts'
import { clearDictionary, createDictionary } from './dictionary.ts'
import type { Dictionary } from './dictionary.ts'
import { clearPairs, createPairs, growTo, repeatBytes, repeatRun } from './pairs.ts'
import type { Pairs } from './pairs.ts'

export interface LowColumn {
  readonly dictionary: Dictionary
  index: Uint32Array<ArrayBuffer>
}
export interface MapColumn {
  readonly pairs: Pairs
  /** Number of pairs up to and with row i. */ ends: Uint32Array<ArrayBuffer>
}

export interface Columns {
  rows: number
  capacity: number
  /** Low and high half of each row's nanoseconds. */
  time: Uint32Array<ArrayBuffer>
  observed: Uint32Array<ArrayBuffer>
  flags: Uint8Array<ArrayBuffer>
  severity: Uint8Array<ArrayBuffer>
  offsets: BigUint64Array<ArrayBuffer>
  recordIndex: Uint32Array<ArrayBuffer>
  readonly traceId: Bytes
  readonly spanId: Bytes
  readonly body: Bytes
  readonly scopeName: Bytes
  readonly severityText: LowColumn
  readonly service: LowColumn
  readonly resourceSchemaUrl: LowColumn
  readonly scopeSchemaUrl: LowColumn
  readonly scopeVersion: LowColumn
  readonly eventName: LowColumn
  readonly tenant: LowColumn
  readonly resource: MapColumn
  readonly scope: MapColumn
  readonly attributes: MapColumn
}

const INITIAL_ROWS = 1024
/** A decoder that once held more than this starts its next range small. */
export const KEEP_ROWS = 500_000

const lowNames = ['severityText', 'service', 'resourceSchemaUrl', 'scopeSchemaUrl', 'scopeVersion', 'eventName', 'tenant'] as const
const mapNames = ['resource', 'scope', 'attributes'] as const
const textNames = ['traceId', 'spanId', 'body', 'scopeName'] as const

export const createColumns = (): Columns => {
  const low = (): LowColumn => ({ dictionary: createDictionary(), index: new Uint32Array(INITIAL_ROWS) })
  const map = (): MapColumn => ({ pairs: createPairs(), ends: new Uint32Array(INITIAL_ROWS) })
  return {
    rows: 0,
    capacity: INITIAL_ROWS,
    time: new Uint32Array(2 * INITIAL_ROWS),
    observed: new Uint32Array(2 * INITIAL_ROWS),
    flags: new Uint8Array(INITIAL_ROWS),
    severity: new Uint8Array(INITIAL_ROWS),
    offsets: new BigUint64Array(INITIAL_ROWS),
    recordIndex: new Uint32Array(INITIAL_ROWS),
    traceId: createBytes(),
    spanId: createBytes(),
    body: createBytes(),
    scopeName: createBytes(),
    severityText: low(),
    service: low(),
    resourceSchemaUrl: low(),
    scopeSchemaUrl: low(),
    scopeVersion: low(),
    eventName: low(),
    tenant: low(),
    resource: map(),
    scope: map(),
    attributes: map(),
  }
}

export const clearColumns = (columns: Columns, seed: number): void => {
  columns.rows = 0
  for (const name of textNames) columns[name].length = 0
  for (const name of lowNames) clearDictionary(columns[name].dictionary, seed)
  for (const name of mapNames) clearPairs(columns[name].pairs, seed)
}

/** Bytes held between ranges. */
export const heldBytes = (columns: Columns): number =>
  textNames.reduce((sum, name) => sum + columns[name].buf.length, 0) +
  mapNames.reduce((sum, name) => sum + columns[name].pairs.values.buf.length + 4 * columns[name].pairs.keys.length, 0)

export const growRows = (columns: Columns): void => {
  const size = columns.capacity * 2
  columns.time = growTo(columns.time, 2 * size)
  columns.observed = growTo(columns.observed, 2 * size)
  columns.recordIndex = growTo(columns.recordIndex, size)
  columns.flags = growTo(columns.flags, size)
  columns.severity = growTo(columns.severity, size)
  columns.offsets = growTo(columns.offsets, size)
  for (const name of lowNames) columns[name].index = growTo(columns[name].index, size)
  for (const name of mapNames) columns[name].ends = growTo(columns[name].ends, size)
  columns.capacity = size
}

/** What every record of one scope shares: key numbers of the columns' own dictionaries, and runs ready to be repeated. */
export interface Shared {
  service: number
  resourceSchemaUrl: number
  scopeSchemaUrl: number
  scopeVersion: number
  /** One String in column form. */
  readonly scopeName: Bytes
  readonly resource: Pairs
  readonly scope: Pairs
}

export const createShared = (columns: Columns): Shared => ({
  service: 0,
  resourceSchemaUrl: 0,
  scopeSchemaUrl: 0,
  scopeVersion: 0,
  scopeName: createBytes(64),
  resource: createPairs(columns.resource.pairs.dictionary),
  scope: createPairs(columns.scope.pairs.dictionary),
})

const repeatMap = (map: MapColumn, run: Pairs, first: number, rows: number): void => {
  const before = map.pairs.count
  repeatRun(map.pairs, run, rows)
  for (let row = 0; row < rows; row++) map.ends[first + row] = before + (row + 1) * run.count
}

/** Fills the rows from `first` on with what they share. */
export const fillShared = (columns: Columns, shared: Shared, first: number): void => {
  const rows = columns.rows - first
  if (rows === 0) return
  columns.service.index.fill(shared.service, first, columns.rows)
  columns.resourceSchemaUrl.index.fill(shared.resourceSchemaUrl, first, columns.rows)
  columns.scopeSchemaUrl.index.fill(shared.scopeSchemaUrl, first, columns.rows)
  columns.scopeVersion.index.fill(shared.scopeVersion, first, columns.rows)
  repeatBytes(columns.scopeName, shared.scopeName, rows)
  repeatMap(columns.resource, shared.resource, first, rows)
  repeatMap(columns.scope, shared.scope, first, rows)
}

/** Undoes every row appended after it was taken. Keys that only those rows used stay in the dictionaries, unused. */
export const takeMark = (columns: Columns): (() => void) => {
  const { rows } = columns
  const texts = textNames.map((name) => columns[name].length)
  const maps = mapNames.map((name) => [columns[name].pairs.count, columns[name].pairs.values.length] as const)
  return () => {
    columns.rows = rows
    textNames.forEach((name, i) => {
      columns[name].length = texts[i]
    })
    mapNames.forEach((name, i) => {
      columns[name].pairs.count = maps[i][0]
      columns[name].pairs.values.length = maps[i][1]
    })
  }
}
