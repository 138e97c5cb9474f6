// Names of fields, as they are written and as they are printed. What is no name of ours is an attribute.
import { LEVELS, severityRange, type Field, type TextColumn } from '../../clickhouse/queries/filter-tree.ts'

const column = (name: TextColumn): Field => ({ kind: 'column', name })
const host: Field = { kind: 'attribute', of: 'either', key: 'host.name' }
/** By name in lower case; the first of each is the one that is printed and told. */
const names: readonly (readonly [Field, ...string[]])[] = [
  [column('service'), 'service', 'service.name', 'service_name', 'servicename'],
  [{ kind: 'severity' }, 'severity', 'level', 'log.level', 'severity_number', 'severitynumber'],
  [column('body'), 'body', 'message', 'msg', 'log.body'],
  [column('trace_id'), 'trace_id', 'traceid', 'trace.id'],
  [column('span_id'), 'span_id', 'spanid', 'span.id'],
  [column('event_name'), 'event_name', 'eventname', 'event.name'],
  [column('scope.name'), 'scope.name', 'scope', 'scope_name', 'scopename'],
  [column('severity_text'), 'severity_text', 'severitytext'],
  [host, 'host.name', 'host'],
]
const byName = new Map(names.flatMap(([field, ...aliases]) => aliases.map((alias) => [alias, field] as const)))
const prefixes: readonly (readonly [string, 'record' | 'resource'])[] = [
  ['attributes.', 'record'],
  ['attrs.', 'record'],
  ['attr.', 'record'],
  ['resource.attributes.', 'resource'],
  ['resource_attributes.', 'resource'],
  ['resource.', 'resource'],
]
const TIMES = ['timestamp', 'time', '@timestamp', 'ts']

export const fieldNames: readonly string[] = names.map(([, name]) => name)
export const severityNames: readonly string[] = [...LEVELS, 'unspecified']
/** Time is no field: `from` and `to` say it. */
export const isTime = (name: string): boolean => TIMES.includes(name.toLowerCase())

/** `attr.` and its like, for a key that is written apart: attr."a key". */
export const placeOf = (prefix: string): 'record' | 'resource' | undefined => prefixes.find(([text]) => text === prefix)?.[1]

/** null when a prefix has no key behind it. */
export const resolveField = (name: string): Field | null => {
  // All of them: what is left must not begin with one, or printed and parsed again it would be another key.
  const bare = name.replace(/^@+/, '')
  const known = byName.get(bare.toLowerCase())
  if (known !== undefined) return known
  const prefix = prefixes.find(([text]) => bare.startsWith(text))
  const key = bare.slice(prefix?.[0].length ?? 0)
  return key === '' ? null : { kind: 'attribute', of: prefix?.[1] ?? 'either', key }
}

const SYNONYMS: Readonly<Record<string, string>> = { warning: 'warn', err: 'error', information: 'info' }

/** A level in lower case or a number as text; ERROR2 is 18. null = no severity. */
export const toSeverity = (text: string): string | null => {
  const lower = text.toLowerCase()
  const name = SYNONYMS[lower] ?? lower
  if (severityNames.includes(name)) return name
  const [, level, step] = /^([a-z]+)([1-4])$/.exec(name) ?? []
  const index = LEVELS.indexOf(level as (typeof LEVELS)[number])
  if (index >= 0) return String(index * 4 + Number(step))
  return /^\d{1,2}$/.test(name) && Number(name) <= 24 ? String(Number(name)) : null
}

/** The first number of a level, or the number; null = no severity. */
export const toSeverityNumber = (text: string): number | null => {
  const severity = toSeverity(text)
  return severity === null ? null : severityRange(severity)![0]
}
