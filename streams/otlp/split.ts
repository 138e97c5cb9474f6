// A body that is larger than one message may be → pieces that are bodies of their own, cut between records: each repeats the resource
// and scope of its records. Rejected records are left out, so that only an accepted one can be too large. What is cut are positions;
// the bytes of the body are copied once, when a piece is put together.
import { MAX_EXPANDED_BYTES, tooLarge } from './walk.ts'
import type { Malformed, Walk } from './walk.ts'

/** Bytes of its own, or those of the body from start to end. */
export type Part = Uint8Array | readonly [start: number, end: number]
export interface Piece {
  readonly parts: readonly Part[]
  readonly bytes: number
  readonly recordCount: number
  readonly expandedBytes: number
  readonly rejected: readonly number[]
}
export type Split = { readonly ok: true; readonly pieces: readonly Piece[] } | Malformed

/** What all records of a group share. */
export interface Head {
  readonly parts: readonly Part[]
  readonly bytes: number
}
/** One accepted record with its place; `follows` = between the one before and this one is nothing but what separates two. */
export interface Cut {
  readonly start: number
  readonly end: number
  readonly follows: boolean
  readonly resource: Head
  readonly scope: Head
}
export interface ScopeGroup {
  readonly head: Head
  readonly runs: [start: number, end: number][]
}
export interface ResourceGroup {
  readonly head: Head
  readonly scopes: ScopeGroup[]
}

/** How a format puts records together again. */
export interface Framing {
  /** At most, of a piece, of each of its groups, and of each run of records. */
  readonly overhead: { readonly piece: number; readonly resource: number; readonly scope: number; readonly run: number }
  /** Widest separator that is kept, in bytes; wider ones cost more than another run. */
  readonly maxGap: number
  readonly toParts: (groups: readonly ResourceGroup[]) => readonly Part[]
}

const sizeOf = (part: Part): number => (part instanceof Uint8Array ? part.length : part[1] - part[0])
export const bytesOf = (parts: readonly Part[]): number => parts.reduce((sum, part) => sum + sizeOf(part), 0)
export const toHead = (parts: readonly Part[]): Head => ({ parts, bytes: bytesOf(parts) })

/** Owns its memory. */
export const assemble = (body: Uint8Array, { parts, bytes }: Pick<Piece, 'parts' | 'bytes'>): Uint8Array => {
  const piece = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const part of parts) {
    piece.set(part instanceof Uint8Array ? part : body.subarray(part[0], part[1]), at)
    at += sizeOf(part)
  }
  return piece
}

interface Filling {
  readonly groups: ResourceGroup[]
  bytes: number
}

/** Adds the record where there is room for it: what it costs is known before anything changes. */
const add = (filling: Filling, cut: Cut, { overhead, maxGap }: Framing, maxBytes: number): boolean => {
  const resource = filling.groups.at(-1)?.head === cut.resource ? filling.groups.at(-1)! : null
  const scope = resource?.scopes.at(-1)?.head === cut.scope ? resource.scopes.at(-1)! : null
  const run = scope?.runs.at(-1) ?? null
  const isJoined = run !== null && cut.follows && cut.start - run[1] <= maxGap
  const cost =
    (resource === null ? overhead.resource + cut.resource.bytes : 0) +
    (scope === null ? overhead.scope + cut.scope.bytes : 0) +
    (isJoined ? cut.end - run[1] : overhead.run + cut.end - cut.start)
  if (filling.bytes + cost > maxBytes) return false
  filling.bytes += cost
  if (isJoined) run[1] = cut.end
  else {
    const intoResource = resource ?? { head: cut.resource, scopes: [] }
    const intoScope = scope ?? { head: cut.scope, runs: [] }
    if (resource === null) filling.groups.push(intoResource)
    if (scope === null) intoResource.scopes.push(intoScope)
    intoScope.runs.push([cut.start, cut.end])
  }
  return true
}

/** Each piece is walked as what it will be read as: its counts are the walk's. */
export const split = (
  body: Uint8Array,
  cuts: Iterable<Cut>,
  framing: Framing,
  walk: (piece: Uint8Array) => Walk,
  maxBytes: number,
): Split => {
  const pieces: Piece[] = []
  let total = 0
  let filling: Filling = { groups: [], bytes: framing.overhead.piece }
  const close = (): Malformed | null => {
    const parts = framing.toParts(filling.groups)
    const bytes = bytesOf(parts)
    total += bytes
    // Large resources over small records: every piece repeats them.
    if (total > MAX_EXPANDED_BYTES)
      return tooLarge(`cut into messages of ${maxBytes} bytes the body would take more than ${MAX_EXPANDED_BYTES} bytes`)
    const walked = walk(assemble(body, { parts, bytes }))
    if (!walked.ok) return walked
    pieces.push({ parts, bytes, recordCount: walked.recordCount, expandedBytes: walked.expandedBytes, rejected: walked.rejected })
    filling = { groups: [], bytes: framing.overhead.piece }
    return null
  }
  for (const cut of cuts) {
    if (add(filling, cut, framing, maxBytes)) continue
    const fault = filling.groups.length === 0 ? null : close()
    if (fault !== null) return fault
    if (!add(filling, cut, framing, maxBytes))
      return tooLarge(
        `a record of ${cut.end - cut.start} bytes, with its resource and scope, is larger than the ${maxBytes} bytes that one message of the event log may have`,
      )
  }
  const fault = filling.groups.length === 0 ? null : close()
  return fault ?? { ok: true, pieces }
}
