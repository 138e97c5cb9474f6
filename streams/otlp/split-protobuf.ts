// Where a protobuf export request may be cut: logs and spans are framed alike. Resource, scope and schema URL are repeated as they were sent, field by field,
// in front of the records; what the protocol does not know beside them is left out. For bodies that the walk has accepted.
import { readTag, readVarint, skipBytes, skipUnknown, skipVarint } from './protobuf-wire.ts'
import { bytesOf, split, toHead } from './split.ts'
import type { Cut, Framing, Head, Part, ResourceGroup, ScopeGroup, Split } from './split.ts'
import { walkProtobuf, walkProtobufSpans } from './walk-protobuf.ts'
import type { Walk } from './walk.ts'

/** ResourceLogs or ResourceSpans in the request; Resource or Scope, scope or record, schema URL in both kinds of groups. */
const HEAD = 10
const CHILD = 18
const SCHEMA_URL = 26

interface Field {
  readonly tag: number
  readonly start: number
  /** Of what it holds. */ readonly from: number
  readonly end: number
}

/** The length-delimited fields of a message. */
function* fieldsOf(body: Uint8Array, from: number, end: number): Generator<Field> {
  for (let at = from; at < end;) {
    const tag = readTag(body, at, end)
    const behindTag = skipVarint(body, at, end)
    const behind = (tag & 7) === 2 ? skipBytes(body, behindTag, end) : skipUnknown(body, behindTag, end, tag)
    if (tag < 0 || behindTag < 0 || behind < 0) throw new RangeError('split of a body that the walk did not accept')
    if ((tag & 7) === 2) yield { tag, start: at, from: behind - readVarint(body, behindTag, end), end: behind }
    at = behind
  }
}
const headOf = (body: Uint8Array, from: number, end: number): Head => {
  const parts: Part[] = []
  for (const field of fieldsOf(body, from, end)) if (field.tag === HEAD || field.tag === SCHEMA_URL) parts.push([field.start, field.end])
  return toHead(parts)
}

function* cutsOf(body: Uint8Array, rejected: ReadonlySet<number>): Generator<Cut> {
  let index = 0
  for (const group of fieldsOf(body, 0, body.length)) {
    if (group.tag !== HEAD) continue
    const resource = headOf(body, group.from, group.end)
    for (const scoped of fieldsOf(body, group.from, group.end)) {
      if (scoped.tag !== CHILD) continue
      const scope = headOf(body, scoped.from, scoped.end)
      for (const { tag, start, end } of fieldsOf(body, scoped.from, scoped.end)) {
        if (tag === CHILD && !rejected.has(index++)) yield { start, end, follows: true, resource, scope }
      }
    }
  }
}

/** A tag of one byte and the length. */
const opening = (tag: number, length: number): Uint8Array => {
  const bytes = [tag]
  for (let rest = length; ; rest >>>= 7) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
const message = (tag: number, parts: readonly Part[]): Part[] => [opening(tag, bytesOf(parts)), ...parts]
const scopeParts = ({ head, runs }: ScopeGroup): Part[] => message(CHILD, [...head.parts, ...runs])
const resourceParts = ({ head, scopes }: ResourceGroup): Part[] => message(HEAD, [...head.parts, ...scopes.flatMap(scopeParts)])

const MAX_OPENING = 6
const framing: Framing = {
  overhead: { piece: 0, resource: MAX_OPENING, scope: MAX_OPENING, run: 0 },
  maxGap: 0,
  toParts: (groups) => groups.flatMap(resourceParts),
}

const splitBy =
  (walk: (piece: Uint8Array) => Walk) =>
  (body: Uint8Array, rejected: readonly number[], maxBytes: number): Split =>
    split(body, cutsOf(body, new Set(rejected)), framing, walk, maxBytes)

/** `rejected` by the walk of the whole body. Pieces are protobuf, of at most `maxBytes`. */
export const splitProtobuf = splitBy(walkProtobuf)
export const splitProtobufSpans = splitBy(walkProtobufSpans)
