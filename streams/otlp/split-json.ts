// Where JSON bodies may be cut: OTLP between records, plain events between elements or lines. Records are copied as text, so that
// no number and no string is written anew. For bodies that the walk has accepted.
import { elementsOf, isArray, isNull, membersOf, skipBlank, skipValue } from './json-slices.ts'
import type { Slice } from './json-slices.ts'
import { parseJson } from './json-source.ts'
import { split, toHead } from './split.ts'
import type { Cut, Framing, Head, Part, ResourceGroup, ScopeGroup, Split } from './split.ts'
import { walkEvents } from './walk-events.ts'
import { LOG_NAMES, SPAN_NAMES } from './otlp-json-groups.ts'
import type { GroupNames } from './otlp-json-groups.ts'
import { walkOtlpJson, walkOtlpJsonSpans } from './walk-json.ts'
import type { Walk } from './walk.ts'

const utf8 = new TextEncoder()
/** What pretty-printers put between two records. */
const MAX_GAP = 64
const COMMA = utf8.encode(',')

const separated = (lists: readonly (readonly Part[])[]): Part[] => lists.flatMap((parts, at) => (at === 0 ? [...parts] : [COMMA, ...parts]))

interface Kind {
  readonly names: GroupNames
  readonly request: ReadonlySet<string>
  readonly resource: ReadonlySet<string>
  readonly scope: ReadonlySet<string>
  readonly framing: Framing
  readonly walk: (piece: Uint8Array) => Walk
}
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

function* otlpCuts(body: Uint8Array, { names, ...kind }: Kind, rejected: ReadonlySet<number>): Generator<Cut> {
  let index = 0
  const request = readMembers(body, [skipBlank(body, 0), body.length], kind.request)
  for (const group of elementsOf(body, request(...names.resources) ?? NONE)) {
    const outer = readMembers(body, group, kind.resource)
    const resource = headOf([
      [namesOf.resource, outer('resource', 'resource')],
      [namesOf.schemaUrl, outer('schemaUrl', 'schema_url')],
    ])
    for (const scoped of elementsOf(body, outer(...names.scopes) ?? NONE)) {
      const inner = readMembers(body, scoped, kind.scope)
      const scope = headOf([
        [namesOf.scope, inner('scope', 'scope')],
        [namesOf.schemaUrl, inner('schemaUrl', 'schema_url')],
      ])
      let follows = false
      for (const [start, end] of elementsOf(body, inner(...names.records) ?? NONE)) {
        const isKept = !rejected.has(index++)
        if (isKept) yield { start, end, follows, resource, scope }
        follows = isKept
      }
    }
  }
}

const [OBJECT, CLOSE, END] = ['{', ']}', ']'].map((one) => utf8.encode(one))
const runParts = (runs: readonly Slice[]): Part[] => separated(runs.map((run) => [run]))

const kindOf = (names: GroupNames, walk: Kind['walk']): Kind => {
  const [request, scopes, records] = [`{"${names.resources[0]}":[`, `"${names.scopes[0]}":[`, `"${names.records[0]}":[`].map((one) =>
    utf8.encode(one),
  )
  const scopeParts = ({ head, runs }: ScopeGroup): Part[] => [OBJECT, ...head.parts, records, ...runParts(runs), CLOSE]
  const resourceParts = ({ head, scopes: inner }: ResourceGroup): Part[] => [
    OBJECT,
    ...head.parts,
    scopes,
    ...separated(inner.map(scopeParts)),
    CLOSE,
  ]
  return {
    names,
    walk,
    request: new Set(names.resources),
    resource: new Set(['resource', 'schemaUrl', 'schema_url', ...names.scopes]),
    scope: new Set(['scope', 'schemaUrl', 'schema_url', ...names.records]),
    framing: {
      overhead: {
        piece: request.length + CLOSE.length,
        resource: OBJECT.length + scopes.length + CLOSE.length + 1,
        scope: OBJECT.length + records.length + CLOSE.length + 1,
        run: 1,
      },
      maxGap: MAX_GAP,
      toParts: (groups) => [request, ...separated(groups.map(resourceParts)), CLOSE],
    },
  }
}
const LOGS = kindOf(LOG_NAMES, walkOtlpJson)
const SPANS = kindOf(SPAN_NAMES, walkOtlpJsonSpans)

const NO_HEAD = toHead([])
const OPEN = utf8.encode('[')
const eventFraming: Framing = {
  overhead: { piece: 2, resource: 0, scope: 0, run: 1 },
  maxGap: MAX_GAP,
  toParts: ([
    {
      scopes: [{ runs }],
    },
  ]) => [OPEN, ...runParts(runs), END],
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

const splitOtlp = (body: Uint8Array, kind: Kind, rejected: readonly number[], maxBytes: number): Split =>
  split(body, otlpCuts(body, kind, new Set(rejected)), kind.framing, kind.walk, maxBytes)

/** @param rejected by the walk of the whole body. Pieces are OTLP JSON, of at most `maxBytes`. */
export const splitOtlpJson = (body: Uint8Array, rejected: readonly number[], maxBytes: number): Split =>
  splitOtlp(body, LOGS, rejected, maxBytes)
export const splitOtlpJsonSpans = (body: Uint8Array, rejected: readonly number[], maxBytes: number): Split =>
  splitOtlp(body, SPANS, rejected, maxBytes)

/** Pieces are `json`, one array each, whatever the format of the body. */
export const splitEvents = (body: Uint8Array, format: 'json' | 'ndjson', rejected: readonly number[], maxBytes: number): Split =>
  split(
    body,
    eventCuts(body, format === 'ndjson' ? linesOf(body) : documentsOf(body), new Set(rejected)),
    eventFraming,
    (piece) => walkEvents(piece, 'json'),
    maxBytes,
  )
