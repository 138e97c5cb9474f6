// A filter's tree → one SQL condition over otel_logs. Values and the keys of attributes travel as parameters; the SQL is made of
// constant fragments and the names of parameters, nothing else. Forms are those that the table's skip indexes know.
import { withPairIndex } from './attributes.ts'
import { severityRange, type Field, type FilterNode, type TextColumn } from './filter-tree.ts'
import { allWordsSql, lowerWord, toWords } from './words.ts'

export interface SqlCondition {
  readonly sql: string
  readonly params: Readonly<Record<string, unknown>>
}
interface Binder {
  text(value: string): string
  texts(values: readonly string[]): string
  number(value: number, type: 'Float64' | 'UInt8'): string
}

const COLUMNS: Readonly<Record<TextColumn, string>> = {
  service: 'ServiceName',
  body: 'Body',
  trace_id: 'TraceId',
  span_id: 'SpanId',
  event_name: 'EventName',
  'scope.name': 'ScopeName',
  severity_text: 'SeverityText',
}

const call = (name: string, ...inner: readonly string[]): string => name.concat('(', inner.join(', '), ')')
const any = (parts: readonly string[]): string => (parts.length === 1 ? parts[0] : '('.concat(parts.join(' OR '), ')'))
const at = (map: string, key: string): string => map.concat('[', key, ']')

const createBinder = (prefix: string): { binder: Binder; params: Record<string, unknown> } => {
  const params: Record<string, unknown> = {}
  const add = (value: unknown, type: string): string => {
    const name = prefix.concat(String(Object.keys(params).length))
    params[name] = value
    return '{'.concat(name, ':', type, '}')
  }
  return {
    params,
    binder: {
      text: (value) => add(value, 'String'),
      texts: (values) => add(values, 'Array(String)'),
      number: (value, type) => add(value, type),
    },
  }
}

const textSql = (field: Field, bind: Binder): string => {
  if (field.kind === 'severity') return 'toString(SeverityNumber)'
  if (field.kind === 'column') return COLUMNS[field.name]
  const key = bind.text(field.key)
  if (field.of !== 'either') return at(field.of === 'record' ? 'LogAttributes' : 'ResourceAttributes', key)
  return call('if', call('mapContains', 'LogAttributes', key), at('LogAttributes', key), at('ResourceAttributes', key))
}

const equalsSql = (field: Field, value: string, bind: Binder): string => {
  const wanted = bind.text(value)
  if (field.kind !== 'attribute') return textSql(field, bind).concat(' = ', wanted)
  const key = bind.text(field.key)
  if (field.of !== 'either')
    return withPairIndex(at(field.of === 'record' ? 'LogAttributes' : 'ResourceAttributes', key).concat(' = ', wanted), key, wanted, value)
  return withPairIndex(
    any([
      at('LogAttributes', key).concat(
        value === '' ? ' = '.concat(wanted, ' AND ', call('mapContains', 'LogAttributes', key)) : ' = '.concat(wanted),
      ),
      at('ResourceAttributes', key).concat(' = ', wanted, ' AND NOT ', call('mapContains', 'LogAttributes', key)),
    ]),
    key,
    wanted,
    value,
  )
}

const severitySql = (op: string, value: string, bind: Binder): string => {
  const [low, high] = severityRange(value) ?? [25, 25]
  if (op === '=') return '(SeverityNumber >= '.concat(bind.number(low, 'UInt8'), ' AND SeverityNumber <= ', bind.number(high, 'UInt8'), ')')
  return 'SeverityNumber '.concat(op, ' ', bind.number(op === '<' || op === '>=' ? low : high, 'UInt8'))
}

const containsSql = (field: Field, value: string, bind: Binder): string => {
  // Faster by far, and the same for a text of ASCII.
  const name = /^\p{ASCII}*$/u.test(value) ? 'positionCaseInsensitive' : 'positionCaseInsensitiveUTF8'
  return call(name, textSql(field, bind), bind.text(value)).concat(' > 0')
}

const existsSql = (field: Field, bind: Binder): string => {
  if (field.kind === 'severity') return 'SeverityNumber > 0'
  if (field.kind === 'column') return COLUMNS[field.name].concat(" != ''")
  const key = bind.text(field.key)
  const maps =
    field.of === 'either' ? ['LogAttributes', 'ResourceAttributes'] : [field.of === 'record' ? 'LogAttributes' : 'ResourceAttributes']
  return any(maps.map((map) => call('mapContains', map, key)))
}

const wordsSql = (text: string, bind: Binder): string => allWordsSql(bind.texts(toWords(text).map(lowerWord)))

const nodeSql = (node: FilterNode, bind: Binder): string => {
  switch (node.op) {
    case 'and':
      return '('.concat(node.nodes.map((one) => nodeSql(one, bind)).join(' AND '), ')')
    case 'or':
      return any(node.nodes.map((one) => nodeSql(one, bind)))
    case 'not':
      return 'NOT ('.concat(nodeSql(node.node, bind), ')')
    case 'words':
      return wordsSql(node.text, bind)
    case 'exists':
      return existsSql(node.field, bind)
    case '~':
      return containsSql(node.field, node.value, bind)
    case 'in':
      return any(
        node.values.map((value) => (node.field.kind === 'severity' ? severitySql('=', value, bind) : equalsSql(node.field, value, bind))),
      )
    default:
      if (node.field.kind === 'severity') return severitySql(node.op, node.value, bind)
      if (node.op === '=') return equalsSql(node.field, node.value, bind)
      // No number: neither the comparison nor NULL, which NOT would not turn into true.
      return call(
        'ifNull',
        call('toFloat64OrNull', textSql(node.field, bind)).concat(' ', node.op, ' ', bind.number(Number(node.value), 'Float64')),
        '0',
      )
  }
}

/** In parentheses, to be AND-ed to others. `prefix` keeps its parameters apart from theirs. */
export const filterSql = (node: FilterNode, prefix: string): SqlCondition => {
  const { binder, params } = createBinder(prefix)
  return { sql: '('.concat(nodeSql(node, binder), ')'), params }
}

/** A field's text, to be grouped by or read as a number; a severity's is the name of its level. */
export const fieldSql = (field: Field, prefix: string): SqlCondition => {
  if (field.kind === 'severity')
    return {
      sql: "if(SeverityNumber BETWEEN 1 AND 24, ['trace', 'debug', 'info', 'warn', 'error', 'fatal'][intDiv(SeverityNumber - 1, 4) + 1], 'unspecified')",
      params: {},
    }
  const { binder, params } = createBinder(prefix)
  return { sql: textSql(field, binder), params }
}
