// A decoded range → what it adds to each (tenant, service, 10 s of stored event time): one row of series_partials each; and to
// the counts of templates.
// Reads the finished columns only, the texts as stored, so that a recount of otel_logs gives the same figures.
import type { DecodeInput, TemplateInsert } from '../decode-contract.ts'
import { lengthAt, varintSize } from '../decode/bytes.ts'
import type { Columns } from '../decode/columns.ts'
import { keyText } from '../decode/dictionary.ts'
import { createMaskedText } from './masked-text.ts'
import { isMeasured, numberAt } from './measured.ts'
import { toPartialsBlock } from './partials-block.ts'
import { createTemplateCounts, type TemplateCounts } from './template-counts.ts'
import { hashTemplate, type TemplateHash } from './template-hash.ts'
import { createTemplateMemory } from './template-memory.ts'
import type { PartialRow } from './partials-block.ts'
import { createTemplates } from './template-set.ts'
import type { Templates } from './template-set.ts'

export interface Measured {
  count: number
  sum: number
  min: number
  max: number
  sumSq: number
}
export interface Entry {
  readonly tenant: string
  readonly service: string
  /** Start of the bucket, in tens of seconds since 1970. */
  readonly bucket: number
  /** Where its templates are counted. */
  readonly group: number
  count: number
  errors: number
  /** trace, debug, info, warn, error, fatal. */
  readonly severities: number[]
  /** By key number of the attribute column. */
  readonly measured: Map<number, Measured>
  /** Numbers of its distinct templates, in order of appearance. */
  readonly templates: number[]
  hasOtherTemplates: boolean
  /** Warnings and errors by the number of their template. */
  readonly loud: Map<number, number>
}

export const MAX_SERVICES = 2000
export const MAX_TEMPLATES = 64
export const OTHER_SERVICE = 'other'
const WARN = 13
const ERROR = 17
const FATAL4 = 24
const BUCKET_NS = 1e10
const HALF = 4294967296
const MAX_BUCKET = Math.floor(0xffffffff / 10)
const BUCKETS_PER_MINUTE = 6

/** Exact, unlike the division of a 64-bit time as a double: halves are taken apart so that every step is an integer below 2^53. */
export const bucketOf = (low: number, high: number): number => {
  const upper = high * HALF
  const near = Math.floor(upper / BUCKET_NS)
  return Math.min(near + Math.floor((upper - near * BUCKET_NS + low) / BUCKET_NS), MAX_BUCKET)
}

export interface Folded {
  readonly block: Uint8Array
  readonly rows: number
}
export interface Partials {
  /** @param served rows of spans, which are in the same block. */ fold(
    columns: Columns,
    served: readonly PartialRow[],
    input: DecodeInput,
  ): { readonly partials: Folded; readonly templates: Folded & { readonly texts: readonly TemplateInsert[] } }
}

/** Numbers services of a range: the first 2,000 of each tenant have one of their own, the rest share `other`. */
export const createServices = (columns: Pick<Columns, 'tenant' | 'service'>) => {
  const numbers = new Map<number, number>()
  const names: { tenant: string; service: string }[] = []
  const byTenant = new Map<number, { count: number; other: number }>()
  const add = (tenant: number, service: string): number => names.push({ tenant: keyText(columns.tenant.dictionary, tenant), service }) - 1
  const numberOf = (tenant: number, service: number): number => {
    const key = tenant * HALF + service
    const known = numbers.get(key)
    if (known !== undefined) return known
    const of = byTenant.get(tenant) ?? { count: 0, other: -1 }
    byTenant.set(tenant, of)
    const name = keyText(columns.service.dictionary, service)
    const isOther = name === OTHER_SERVICE || of.count >= MAX_SERVICES
    if (isOther && of.other < 0) of.other = add(tenant, OTHER_SERVICE)
    const number = isOther ? of.other : add(tenant, name)
    if (!isOther) of.count++
    numbers.set(key, number)
    return number
  }
  return { names, numberOf }
}

/** The entry of each row; consecutive rows mostly share it. */
const createEntries = (columns: Columns, counts: TemplateCounts) => {
  const services = createServices(columns)
  const entries: Entry[] = []
  const groups = new Map<number, number>()
  const groupOf = (number: number, minute: number): number => {
    const key = number * (MAX_BUCKET + 1) + minute
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = counts.groupOf({ ...services.names[number], minute })))
    return group
  }
  const numbers = new Map<number, Entry>()
  let last: Entry | null = null
  let lastTenant = -1
  let lastService = -1
  let lastBucket = -1
  const of = (row: number): Entry => {
    const tenant = columns.tenant.index[row]
    const service = columns.service.index[row]
    const bucket = bucketOf(columns.time[2 * row], columns.time[2 * row + 1])
    if (last !== null && tenant === lastTenant && service === lastService && bucket === lastBucket) return last
    lastTenant = tenant
    lastService = service
    lastBucket = bucket
    const number = services.numberOf(tenant, service)
    const key = number * (MAX_BUCKET + 1) + bucket
    let entry = numbers.get(key)
    if (entry === undefined) {
      entry = {
        ...services.names[number],
        bucket,
        group: groupOf(number, Math.floor(bucket / BUCKETS_PER_MINUTE)),
        count: 0,
        errors: 0,
        severities: [0, 0, 0, 0, 0, 0],
        measured: new Map(),
        templates: [],
        hasOtherTemplates: false,
        loud: new Map(),
      }
      numbers.set(key, entry)
      entries.push(entry)
    }
    last = entry
    return entry
  }
  return { entries, of }
}

export const measuredOf = (value: number): Measured => ({ count: 1, sum: value, min: value, max: value, sumSq: value * value })
export const measure = (measured: Measured, value: number): void => {
  measured.count++
  measured.sum += value
  measured.sumSq += value * value
  if (value < measured.min) measured.min = value
  if (value > measured.max) measured.max = value
}

const addValue = (entry: Entry, key: number, value: number): void => {
  const measured = entry.measured.get(key)
  if (measured === undefined) entry.measured.set(key, measuredOf(value))
  else measure(measured, value)
}

const addTemplate = (entry: Entry, template: number, templates: Templates): void => {
  // Mostly the same entry saw it last.
  if (templates.lastOwner[template] === entry) return
  if (!entry.templates.includes(template)) {
    if (template === 0 || entry.templates.length === MAX_TEMPLATES) {
      entry.hasOtherTemplates = true
      return
    }
    entry.templates.push(template)
  }
  templates.lastOwner[template] = entry
}

export const createPartials = (): Partials => {
  const hash: TemplateHash = { low: 0, high: 0 }
  const textOf = createMaskedText()
  const memory = createTemplateMemory()
  return {
    fold: (columns, served, input) => {
      const counts = createTemplateCounts(memory, textOf)
      const { entries, of } = createEntries(columns, counts)
      const templates = createTemplates()
      const { dictionary, keys, values } = columns.attributes.pairs
      const measures = Uint8Array.from({ length: dictionary.count }, (_, key) => (isMeasured(keyText(dictionary, key)) ? 1 : 0))
      const { body, severity, attributes } = columns
      let bodyAt = 0
      let valueAt = 0
      let pair = 0
      for (let row = 0; row < columns.rows; row++) {
        const entry = of(row)
        entry.count++
        const level = severity[row]
        if (level >= ERROR) entry.errors++
        if (level > 0 && level <= FATAL4) entry.severities[(level - 1) >> 2]++
        const length = lengthAt(body, bodyAt)
        const start = bodyAt + varintSize(length)
        hashTemplate(hash, body.buf, start, length)
        const template = templates.numberOf(hash.low, hash.high)
        addTemplate(entry, template, templates)
        if (level >= WARN && template !== 0) entry.loud.set(template, (entry.loud.get(template) ?? 0) + 1)
        counts.add(entry.group, template, level, row, bodyAt)
        bodyAt = start + length
        for (const end = attributes.ends[row]; pair < end; pair++) {
          const size = lengthAt(values, valueAt)
          valueAt += varintSize(size)
          if (measures[keys[pair]] === 1) {
            const value = numberAt(values.buf, valueAt, size)
            if (!Number.isNaN(value)) addValue(entry, keys[pair], value)
          }
          valueAt += size
        }
      }
      return {
        partials: {
          block: toPartialsBlock({ entries, templates, attributeName: (key) => keyText(dictionary, key), served }, input),
          rows: entries.length + served.length,
        },
        templates: counts.finish(columns, templates, input),
      }
    },
  }
}
