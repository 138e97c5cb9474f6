// What a filter means, said a second time and as simply as can be: does this row match? For comparison with the SQL.
import { severityRange, type Field, type FilterNode } from '../../clickhouse/queries/filter-tree.ts'

export interface MatchRow {
  readonly body: string
  readonly service: string
  readonly severity: number
  readonly severityText: string
  readonly traceId: string
  readonly spanId: string
  readonly eventName: string
  readonly scope: string
  readonly attributes: Readonly<Record<string, string>>
  readonly resource: Readonly<Record<string, string>>
}

export const textOf = (row: MatchRow, field: Field): string | undefined => {
  if (field.kind === 'severity') return row.severity === 0 ? undefined : String(row.severity)
  if (field.kind === 'attribute')
    return {
      record: row.attributes[field.key],
      resource: row.resource[field.key],
      either: row.attributes[field.key] ?? row.resource[field.key],
    }[field.of]
  const text = {
    service: row.service,
    body: row.body,
    trace_id: row.traceId,
    span_id: row.spanId,
    event_name: row.eventName,
    'scope.name': row.scope,
    severity_text: row.severityText,
  }[field.name]
  return text === '' ? undefined : text
}
const order = (op: string, left: number, right: number): boolean =>
  ({ '<': left < right, '<=': left <= right, '>': left > right, '>=': left >= right })[op] ?? false
export const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null

const severityMatches = (severity: number, op: string, value: string): boolean => {
  const [low, high] = severityRange(value)!
  if (op === '=') return severity >= low && severity <= high
  return order(op, severity, op === '<' || op === '>=' ? low : high)
}
const tokens = (text: string): string[] => text.split(/[^0-9A-Za-z\u0080-\u{10ffff}]+/u).filter(Boolean)
/** ASCII letters only. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

export const matches = (node: FilterNode, row: MatchRow): boolean => {
  switch (node.op) {
    case 'and':
      return node.nodes.every((one) => matches(one, row))
    case 'or':
      return node.nodes.some((one) => matches(one, row))
    case 'not':
      return !matches(node.node, row)
    case 'words':
      return tokens(lower(node.text)).every((word) => tokens(lower(row.body)).includes(word))
    case 'exists':
      return textOf(row, node.field) !== undefined
    case 'in':
      return node.values.some((value) => matches({ op: '=', field: node.field, value }, row))
    case '~':
      return (textOf(row, node.field) ?? '').toLowerCase().includes(node.value.toLowerCase())
    default: {
      if (node.field.kind === 'severity') return severityMatches(row.severity, node.op, node.value)
      const text = textOf(row, node.field) ?? ''
      const number = numberOf(text)
      return node.op === '=' ? text === node.value : number !== null && order(node.op, number, Number(node.value))
    }
  }
}
