// Where JSON bodies may be cut: OTLP between log records, plain events between elements or lines. Records are copied as text, so that
// no number and no string is written anew. For bodies that the walk has accepted.
import { elementsOf, isArray, isNull, membersOf, skipBlank, skipValue } from './json-slices.ts'
import type { Slice } from './json-slices.ts'
import { parseJson } from './json-source.ts'
import { split, toHead } from './split.ts'
import type { Cut, Framing, Head, Part, ResourceGroup, ScopeGroup, Split } from './split.ts'
import { walkEvents } from './walk-events.ts'
import { walkOtlpJson } from './walk-json.ts'

const utf8 = new TextEncoder()
/** What pretty-printers put between two records. */
const MAX_GAP = 64
const COMMA = utf8.encode(',')

const separated = (lists: readonly (readonly Part[])[]): Part[] => lists.flatMap((parts, at) => (at === 0 ? [...parts] : [COMMA, ...parts]))

const RESOURCE_NAMES = new Set(['resource', 'schemaUrl', 'schema_url', 'scopeLogs', 'scope_logs'])
const SCOPE_NAMES = new Set(['scope', 'schemaUrl', 'schema_url', 'logRecords', 'log_records'])
const REQUEST_NAMES = new Set(['resourceLogs', 'resource_logs'])
const NONE: Slice = [0, 0]

/** Members by both names of the protocol; null is absent. */
const readMembers = (body: Uint8Array, slice: Slice, names: ReadonlySet<string>) => {
  const members = membersOf(body, slice, names)
  return (camel: string, snake: string): Slice | null => {
    for (const name of [camel, snake]) {
      const found = members.get(name)
      if (found !== undefined && !isNull(body, found)) return found
    }
    return null
  }
}
const namesOf = { resource: utf8.encode('"resource":'), scope: utf8.encode('"scope":'), schemaUrl: utf8.encode('"schemaUrl":') }
const headOf = (members: readonly (readonly [name: Uint8Array, value: Slice | null])[]): Head =>
  toHead(members.flatMap(([name, value]): Part[] => (value === null ? [] : [name, value, COMMA])))

function* otlpCuts(body: Uint8Array, rejected: ReadonlySet<number>): Generator<Cut> {
  let index = 0
  const request = readMembers(body, [skipBlank(body, 0), body.length], REQUEST_NAMES)
  for (const resourceLogs of elementsOf(body, request('resourceLogs', 'resource_logs') ?? NONE)) {
    const group = readMembers(body, resourceLogs, RESOURCE_NAMES)
    const resource = headOf([[namesOf.resource, group('resource', 'resource')], [namesOf.schemaUrl, group('schemaUrl', 'schema_url')]])
    for (const scopeLogs of elementsOf(body, group('scopeLogs', 'scope_logs') ?? NONE)) {
      const inner = readMembers(body, scopeLogs, SCOPE_NAMES)
      const scope = headOf([[namesOf.scope, inner('scope', 'scope')], [namesOf.schemaUrl, inner('schemaUrl', 'schema_url')]])
      let follows = false
      for (const [start, end] of elementsOf(body, inner('logRecords', 'log_records') ?? NONE)) {
        const isKept = !rejected.has(index++)
        if (isKept) yield { start, end, follows, resource, scope }
        follows = isKept
      }
    }
  }
}

const [REQUEST, RESOURCE, SCOPES, RECORDS, CLOSE, END] = ['{"resourceLogs":[', '{', '"scopeLogs":[', '"logRecords":[', ']}', ']'].map((one) => utf8.encode(one))
const runParts = (runs: readonly Slice[]): Part[] => separated(runs.map((run) => [run]))
const scopeParts = ({ head, runs }: ScopeGroup): Part[] => [RESOURCE, ...head.parts, RECORDS, ...runParts(runs), CLOSE]
const resourceParts = ({ head, scopes }: ResourceGroup): Part[] => [RESOURCE, ...head.parts, SCOPES, ...separated(scopes.map(scopeParts)), CLOSE]

const otlpFraming: Framing = {
  overhead: { piece: REQUEST.length + CLOSE.length, resource: RESOURCE.length + SCOPES.length + CLOSE.length + 1, scope: RESOURCE.length + RECORDS.length + CLOSE.length + 1, run: 1 },
  maxGap: MAX_GAP,
  toParts: (groups) => [REQUEST, ...separated(groups.map(resourceParts)), CLOSE],
}

const NO_HEAD = toHead([])
const OPEN = utf8.encode('[')
const eventFraming: Framing = {
  overhead: { piece: 2, resource: 0, scope: 0, run: 1 },
  maxGap: MAX_GAP,
  toParts: ([{ scopes: [{ runs }] }]) => [OPEN, ...runParts(runs), END],
}

/** One after the other, as `parseJsonStream` finds them. */
function* documentsOf(body: Uint8Array): Generator<Slice | null> {
  for (let at = skipBlank(body, 0); at < body.length;) {
    const end = skipValue(body, at)
    yield [at, end]
    at = skipBlank(body, end)
  }
}
/** One per line, as `parseJsonLines` finds them; null = a line that is not JSON. */
function* linesOf(body: Uint8Array): Generator<Slice | null> {
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(0x0a, start)
    const end = newline < 0 ? body.length : newline
    let from = start
    while (from < end && body[from] <= 0x20) from += 1
    if (from < end) yield parseJson(body.subarray(start, end)).ok ? [skipBlank(body, from), end] : null
    start = end + 1
  }
}

function* eventCuts(body: Uint8Array, documents: Iterable<Slice | null>, rejected: ReadonlySet<number>): Generator<Cut> {
  let index = 0
  for (const document of documents) {
    const isList = document !== null && isArray(body, document)
    let follows = false
    for (const slice of isList ? elementsOf(body, document) : [document]) {
      const isKept = !rejected.has(index++) && slice !== null
      if (isKept) yield { start: slice[0], end: isList ? slice[1] : skipValue(body, slice[0]), follows, resource: NO_HEAD, scope: NO_HEAD }
      follows = isKept
    }
  }
}

/** @param rejected by the walk of the whole body. Pieces are OTLP JSON, of at most `maxBytes`. */
export const splitOtlpJson = (body: Uint8Array, rejected: readonly number[], maxBytes: number): Split =>
  split(body, otlpCuts(body, new Set(rejected)), otlpFraming, walkOtlpJson, maxBytes)

/** Pieces are `json`, one array each, whatever the format of the body. */
export const splitEvents = (body: Uint8Array, format: 'json' | 'ndjson', rejected: readonly number[], maxBytes: number): Split =>
  split(body, eventCuts(body, format === 'ndjson' ? linesOf(body) : documentsOf(body), new Set(rejected)), eventFraming, (piece) => walkEvents(piece, 'json'), maxBytes)
