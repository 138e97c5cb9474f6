// A protobuf encoder for ExportLogsServiceRequest and ExportTraceServiceRequest that sends what real clients and hostile ones send: any field order,
// repeated singular fields, missing messages, unknown fields, every AnyValue, raw bytes. Written from the specification,
// independent of the product's own reading of it.

export interface TestValue {
  readonly stringValue?: string | Uint8Array
  readonly boolValue?: boolean
  readonly intValue?: bigint
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values: readonly TestValue[] }
  readonly kvlistValue?: { readonly values: readonly TestKeyValue[] }
  readonly bytesValue?: Uint8Array
  /** Appended as it is, in every message type below too: repeated fields, broken framing. */
  readonly raw?: Uint8Array
}
export interface TestKeyValue {
  readonly key?: string | Uint8Array
  readonly value?: TestValue
  readonly raw?: Uint8Array
}
export interface TestResource {
  readonly attributes?: readonly TestKeyValue[]
  readonly droppedAttributesCount?: number
  readonly raw?: Uint8Array
}
export interface TestScope {
  readonly name?: string | Uint8Array
  readonly version?: string | Uint8Array
  readonly attributes?: readonly TestKeyValue[]
  readonly droppedAttributesCount?: number
  readonly raw?: Uint8Array
}
/** An array sends a singular field several times: scalars, last wins; messages merge. */
export type OneOrMany<T> = T | readonly T[]
export interface TestRecord {
  readonly timeUnixNano?: OneOrMany<bigint>
  readonly observedTimeUnixNano?: OneOrMany<bigint>
  readonly severityNumber?: OneOrMany<number>
  readonly severityText?: OneOrMany<string | Uint8Array>
  readonly body?: OneOrMany<TestValue>
  readonly attributes?: readonly TestKeyValue[]
  readonly droppedAttributesCount?: number
  readonly flags?: number
  readonly traceId?: OneOrMany<Uint8Array>
  readonly spanId?: OneOrMany<Uint8Array>
  readonly eventName?: OneOrMany<string | Uint8Array>
  readonly raw?: Uint8Array
}
export interface TestScopeLogs {
  readonly scope?: OneOrMany<TestScope>
  readonly logRecords?: readonly TestRecord[]
  readonly schemaUrl?: string
  readonly raw?: Uint8Array
}
export interface TestResourceLogs {
  readonly resource?: OneOrMany<TestResource>
  readonly scopeLogs?: readonly TestScopeLogs[]
  readonly schemaUrl?: string
  readonly raw?: Uint8Array
}
export interface TestSpan {
  readonly traceId?: OneOrMany<Uint8Array>
  readonly spanId?: OneOrMany<Uint8Array>
  readonly traceState?: string
  readonly parentSpanId?: OneOrMany<Uint8Array>
  readonly name?: OneOrMany<string | Uint8Array>
  readonly kind?: OneOrMany<number>
  readonly startTimeUnixNano?: OneOrMany<bigint>
  readonly endTimeUnixNano?: OneOrMany<bigint>
  readonly attributes?: readonly TestKeyValue[]
  readonly droppedAttributesCount?: number
  readonly events?: readonly {
    readonly timeUnixNano?: bigint
    readonly name?: string
    readonly attributes?: readonly TestKeyValue[]
    readonly raw?: Uint8Array
  }[]
  readonly links?: readonly {
    readonly traceId?: Uint8Array
    readonly spanId?: Uint8Array
    readonly attributes?: readonly TestKeyValue[]
    readonly flags?: number
    readonly raw?: Uint8Array
  }[]
  readonly status?: OneOrMany<{ readonly message?: string; readonly code?: number; readonly raw?: Uint8Array }>
  readonly flags?: number
  readonly raw?: Uint8Array
}
export interface TestScopeSpans {
  readonly scope?: OneOrMany<TestScope>
  readonly spans?: readonly TestSpan[]
  readonly schemaUrl?: string
  readonly raw?: Uint8Array
}
export interface TestResourceSpans {
  readonly resource?: OneOrMany<TestResource>
  readonly scopeSpans?: readonly TestScopeSpans[]
  readonly schemaUrl?: string
  readonly raw?: Uint8Array
}
/** Of one signal or the other: both kinds of groups have the same field number. */
export interface TestRequest {
  readonly resourceLogs?: readonly TestResourceLogs[]
  readonly resourceSpans?: readonly TestResourceSpans[]
  readonly raw?: Uint8Array
}

export interface EncodeOptions {
  /** spec: ascending field numbers. collector: descending (ScopeLogs before Resource, values before keys). shuffled: any, but
   *  elements of one field keep their order, so record i stays record i. Default spec. */
  readonly order?: 'spec' | 'collector' | 'shuffled'
  readonly seed?: number
  /** Sprinkles fields that no version of the protocol has, of every wire type, into every message. */
  readonly unknownFields?: boolean
}

const text = new TextEncoder()
const toBytes = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? text.encode(value) : value)

export const concatBytes = (parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const varint = (value: number | bigint): Uint8Array => {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  out.push(Number(rest))
  return Uint8Array.from(out)
}

const fixed = (size: 4 | 8, write: (view: DataView) => void): Uint8Array => {
  const out = new Uint8Array(size)
  write(new DataView(out.buffer))
  return out
}

/** Whole fields (tag and value), for hand-made messages and for `raw`. */
export const tag = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType)
export const varintField = (field: number, value: number | bigint): Uint8Array => concatBytes([tag(field, 0), varint(value)])
export const fixed64Field = (field: number, value: bigint): Uint8Array =>
  concatBytes([tag(field, 1), fixed(8, (view) => view.setBigUint64(0, BigInt.asUintN(64, value), true))])
export const fixed32Field = (field: number, value: number): Uint8Array =>
  concatBytes([tag(field, 5), fixed(4, (view) => view.setUint32(0, value, true))])
/** `length` lies about the payload's size when given. */
export const bytesField = (field: number, payload: string | Uint8Array, length?: number): Uint8Array => {
  const bytes = toBytes(payload)
  return concatBytes([tag(field, 2), varint(length ?? bytes.length), bytes])
}
const doubleField = (field: number, value: number): Uint8Array =>
  concatBytes([tag(field, 1), fixed(8, (view) => view.setFloat64(0, value, true))])

/** mulberry32: small, seeded, good enough to shuffle. */
const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

type Field = readonly [number: number, bytes: Uint8Array]
type Message = (fields: readonly Field[], raw?: Uint8Array) => Uint8Array

const many = <T>(value: OneOrMany<T> | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T]
const each = <T>(number: number, value: OneOrMany<T> | undefined, encode: (field: number, item: T) => Uint8Array): Field[] =>
  many(value).map((item) => [number, encode(number, item)] as const)

const shuffle = (fields: readonly Field[], random: () => number): Field[] => {
  const slots = fields.map(([number]) => number)
  for (let i = slots.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = slots[i]
    slots[i] = slots[j]
    slots[j] = kept
  }
  const queues = new Map<number, Field[]>()
  for (const field of fields) queues.set(field[0], [...(queues.get(field[0]) ?? []), field])
  return slots.map((number) => (queues.get(number) as Field[]).shift() as Field)
}

const unknown = (): Field[] => [
  [777, varintField(777, 0xffffffffffffffffn)],
  [778, fixed64Field(778, 1n)],
  [779, bytesField(779, 'unknown')],
  [1_000_000, fixed32Field(1_000_000, 7)],
]

const createMessage = (options: EncodeOptions): Message => {
  const random = createRandom(options.seed ?? 1)
  return (fields, raw) => {
    const all = options.unknownFields ? [...fields, ...unknown()] : [...fields]
    const sorted =
      options.order === 'shuffled' ? shuffle(all, random) : all.sort((a, b) => (options.order === 'collector' ? b[0] - a[0] : a[0] - b[0]))
    return concatBytes([...sorted.map(([, bytes]) => bytes), ...(raw ? [raw] : [])])
  }
}

const createEncoders = (message: Message) => {
  const anyValue = (value: TestValue): Uint8Array =>
    message(
      [
        ...each(1, value.stringValue, bytesField),
        ...each(2, value.boolValue, (field, flag) => varintField(field, flag ? 1 : 0)),
        ...each(3, value.intValue, varintField),
        ...each(4, value.doubleValue, doubleField),
        ...each(5, value.arrayValue, (field, list) =>
          bytesField(field, message(list.values.map((item) => [1, bytesField(1, anyValue(item))] as const))),
        ),
        ...each(6, value.kvlistValue, (field, list) =>
          bytesField(field, message(list.values.map((item) => [1, bytesField(1, keyValue(item))] as const))),
        ),
        ...each(7, value.bytesValue, bytesField),
      ],
      value.raw,
    )
  const keyValue = (pair: TestKeyValue): Uint8Array =>
    message([...each(1, pair.key, bytesField), ...each(2, pair.value, (field, value) => bytesField(field, anyValue(value)))], pair.raw)
  const pairs = (number: number, attributes: readonly TestKeyValue[] | undefined): Field[] =>
    (attributes ?? []).map((pair) => [number, bytesField(number, keyValue(pair))] as const)
  const record = (log: TestRecord): Uint8Array =>
    message(
      [
        ...each(1, log.timeUnixNano, fixed64Field),
        ...each(2, log.severityNumber, varintField),
        ...each(3, log.severityText, bytesField),
        ...each(5, log.body, (field, value) => bytesField(field, anyValue(value))),
        ...pairs(6, log.attributes),
        ...each(7, log.droppedAttributesCount, varintField),
        ...each(8, log.flags, fixed32Field),
        ...each(9, log.traceId, bytesField),
        ...each(10, log.spanId, bytesField),
        ...each(11, log.observedTimeUnixNano, fixed64Field),
        ...each(12, log.eventName, bytesField),
      ],
      log.raw,
    )
  const scope = (value: TestScope): Uint8Array =>
    message(
      [
        ...each(1, value.name, bytesField),
        ...each(2, value.version, bytesField),
        ...pairs(3, value.attributes),
        ...each(4, value.droppedAttributesCount, varintField),
      ],
      value.raw,
    )
  const span = (value: TestSpan): Uint8Array =>
    message(
      [
        ...each(1, value.traceId, bytesField),
        ...each(2, value.spanId, bytesField),
        ...each(3, value.traceState, bytesField),
        ...each(4, value.parentSpanId, bytesField),
        ...each(5, value.name, bytesField),
        ...each(6, value.kind, varintField),
        ...each(7, value.startTimeUnixNano, fixed64Field),
        ...each(8, value.endTimeUnixNano, fixed64Field),
        ...pairs(9, value.attributes),
        ...each(10, value.droppedAttributesCount, varintField),
        ...each(11, value.events, (field, event) =>
          bytesField(
            field,
            message(
              [...each(1, event.timeUnixNano, fixed64Field), ...each(2, event.name, bytesField), ...pairs(3, event.attributes)],
              event.raw,
            ),
          ),
        ),
        ...each(13, value.links, (field, link) =>
          bytesField(
            field,
            message(
              [
                ...each(1, link.traceId, bytesField),
                ...each(2, link.spanId, bytesField),
                ...pairs(4, link.attributes),
                ...each(6, link.flags, fixed32Field),
              ],
              link.raw,
            ),
          ),
        ),
        ...each(15, value.status, (field, status) =>
          bytesField(field, message([...each(2, status.message, bytesField), ...each(3, status.code, varintField)], status.raw)),
        ),
        ...each(16, value.flags, fixed32Field),
      ],
      value.raw,
    )
  const scoped = (value: TestScopeLogs & TestScopeSpans, records: readonly Uint8Array[]): Uint8Array =>
    message(
      [
        ...each(1, value.scope, (field, item) => bytesField(field, scope(item))),
        ...records.map((item) => [2, bytesField(2, item)] as const),
        ...each(3, value.schemaUrl, bytesField),
      ],
      value.raw,
    )
  const resource = (value: TestResource): Uint8Array =>
    message([...pairs(1, value.attributes), ...each(2, value.droppedAttributesCount, varintField)], value.raw)
  const group = (value: TestResourceLogs & TestResourceSpans, scopes: readonly Uint8Array[]): Uint8Array =>
    message(
      [
        ...each(1, value.resource, (field, item) => bytesField(field, resource(item))),
        ...scopes.map((item) => [2, bytesField(2, item)] as const),
        ...each(3, value.schemaUrl, bytesField),
      ],
      value.raw,
    )
  return {
    resourceLogs: (value: TestResourceLogs) =>
      group(
        value,
        (value.scopeLogs ?? []).map((item) => scoped(item, (item.logRecords ?? []).map(record))),
      ),
    resourceSpans: (value: TestResourceSpans) =>
      group(
        value,
        (value.scopeSpans ?? []).map((item) => scoped(item, (item.spans ?? []).map(span))),
      ),
  }
}

export const encodeRequest = (request: TestRequest, options: EncodeOptions = {}): Uint8Array => {
  const message = createMessage(options)
  const { resourceLogs, resourceSpans } = createEncoders(message)
  const groups = [...(request.resourceLogs ?? []).map(resourceLogs), ...(request.resourceSpans ?? []).map(resourceSpans)]
  return message(
    groups.map((item) => [1, bytesField(1, item)] as const),
    request.raw,
  )
}
