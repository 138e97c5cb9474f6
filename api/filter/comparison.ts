// field op value, field IN (values), and what other languages write for them where it can mean nothing else.
import type { Field, FilterNode, Order } from '../../clickhouse/queries/filter-tree.ts'
import { nearest } from '../nearest.ts'
import { fieldNames, isTime, placeOf, resolveField, severityNames, toSeverity } from './fields.ts'
import { FOREIGN, isKeyword } from './keywords.ts'
import { printField } from './printer.ts'
import type { Reader } from './reader.ts'
import type { Token } from './tokens.ts'
import { toWordsNode } from './words.ts'

const ORDERS = ['<', '<=', '>', '>=']
const SAME: Readonly<Record<string, string>> = { '==': '=', '<>': '!=', CONTAINS: '~' }
const TEXT_OPERATORS = ['=', '!=', '~', '!~', 'IN (…)']
const SEVERITY_OPERATORS = ['=', '!=', '<', '<=', '>', '>=', 'IN (…)']
const PLAIN_NAME = /^[\p{L}_@][\p{L}\p{N}_.\-/@$]*$/u

const isWord = (token: Token, ...words: readonly string[]): boolean => token.kind === 'word' && words.includes(token.text.toUpperCase())
/** How many tokens the field at the reader has: attr."a key" has two, attributes["a key"] four. */
const fieldLength = (reader: Reader): number => {
  const [first, second] = [reader.peek(), reader.peek(1)]
  if (first.kind === 'word' && first.text.endsWith('.') && second.kind === 'text' && reader.touches(1)) return 2
  return placeOf(`${first.text}.`) !== undefined && second.text === '[' && reader.touches(1) ? 4 : 1
}

/** Whether what follows is a field with an operator, and no word of the body. */
export const startsComparison = (reader: Reader): boolean => {
  const length = fieldLength(reader)
  const token = reader.peek(length)
  if (length > 1 || reader.isOperator(1) || isWord(token, 'IN', 'CONTAINS')) return true
  if (isWord(token, 'NOT')) return isWord(reader.peek(2), 'IN')
  if (isWord(token, 'EXISTS')) return endsTerm(reader.peek(2))
  return isWord(token, ...FOREIGN) && token.text === token.text.toUpperCase()
}
const endsTerm = (token: Token): boolean => token.kind === 'end' || token.text === ')' || isWord(token, 'AND', 'OR')

export const readField = (reader: Reader): Field | null => {
  const length = fieldLength(reader)
  const first = reader.take()
  if (length > 1) {
    const place = placeOf(length === 2 ? first.text : `${first.text}.`)
    if (length === 4) reader.take()
    const key = reader.take()
    if (length === 4 && (key.kind !== 'text' || !reader.takeAny([']'])))
      return reader.fail({ expected: ['["key"]'], example: 'attributes["http.route"] = "/cart"' })
    const field: Field | null =
      place === undefined ? resolveField(first.text + key.text) : key.text === '' ? null : { kind: 'attribute', of: place, key: key.text }
    return field ?? reader.fail({ expected: ['the key of an attribute'], example: 'attr.http.route = "/cart"' }, first)
  }
  if (
    (first.kind !== 'word' && first.kind !== 'text') ||
    (first.kind === 'word' && (!PLAIN_NAME.test(first.text) || isKeyword(first.text)))
  ) {
    return reader.fail(
      {
        expected: [...fieldNames.slice(0, 4), 'attr.key', 'resource.key', '"quotes" around an odd key or a text that is no field'],
        example: 'attr."my key" = "value"',
      },
      first,
    )
  }
  if (isTime(first.text))
    return reader.fail(
      {
        expected: ['the parameters from and to, which say the time', `attr.${first.text} for an attribute of that name`],
        example: 'from=now-1h&filter=severity>=error',
      },
      first,
    )
  return resolveField(first.text) ?? reader.fail({ expected: ['the key of an attribute'], example: 'attr.http.route = "/cart"' }, first)
}

/** A field and the token that named it. */
interface Named {
  readonly field: Field
  readonly named: Token
}
interface Operator {
  readonly op: '=' | '~' | 'in' | 'exists' | Order
  readonly negated: boolean
  readonly token: Token
  readonly isColon: boolean
}

const readOperator = (reader: Reader, field: Field): Operator | null => {
  const token = reader.take()
  const allowed =
    field.kind === 'severity' ? SEVERITY_OPERATORS : field.kind === 'column' ? TEXT_OPERATORS : [...TEXT_OPERATORS, '<', '<=', '>', '>=']
  if (isWord(token, 'NOT')) return { op: 'in', negated: true, token: reader.take(), isColon: false }
  if (isWord(token, 'IN')) return { op: 'in', negated: false, token, isColon: false }
  if (isWord(token, 'EXISTS')) return { op: 'exists', negated: false, token, isColon: false }
  // field:>5, as in search boxes.
  const isColon = token.text === ':'
  const sign =
    isColon && ORDERS.includes(reader.peek().text) && reader.touches(0)
      ? reader.take().text
      : isColon
        ? '='
        : (SAME[token.text.toUpperCase()] ?? token.text)
  const op = sign.startsWith('!') ? sign.slice(1) : sign
  if (op !== '=' && op !== '~' && !ORDERS.includes(op)) {
    return reader.fail(
      {
        reason: 'operator',
        expected: [...allowed, ...(sign === '=~' ? ['~ for contains; there are no regular expressions'] : [])],
        example: `${printField(field)} ${field.kind === 'severity' ? '>= error' : '~ "text"'}`,
      },
      token,
    )
  }
  if (field.kind === 'severity' ? op === '~' : field.kind === 'column' && ORDERS.includes(op))
    return reader.fail(
      {
        reason: 'operator',
        expected: allowed,
        example: field.kind === 'severity' ? 'severity >= error' : `${printField(field)} = "value"`,
      },
      token,
    )
  return { op: op as Operator['op'], negated: sign.startsWith('!'), token, isColon }
}

/** A bare value may hold colons, as host:port does. */
const readValue = (reader: Reader): Token | null => {
  const first = reader.peek()
  if (first.kind === 'text') return reader.take()
  if (first.kind !== 'word' || (isKeyword(first.text) && first.text === first.text.toUpperCase()))
    return reader.fail({ expected: ['a value', '"text"'] })
  let value = reader.take()
  while (reader.peek().text === ':' && reader.touches(0) && reader.peek(1).kind === 'word' && reader.touches(1)) {
    reader.take()
    const rest = reader.take()
    value = { kind: 'word', text: `${value.text}:${rest.text}`, from: value.from, to: rest.to }
  }
  if (value.text.toLowerCase() === 'null')
    return reader.fail(
      { reason: 'value', expected: ['EXISTS field, or NOT EXISTS field', '"null" for that text'], example: 'NOT EXISTS user.id' },
      value,
    )
  if (value.text.includes('*') && value.text !== '*')
    return reader.fail(
      {
        reason: 'value',
        expected: ['a value without *', '~ for contains', '"quotes" around a value that has a star'],
        example: 'service ~ "check"',
      },
      value,
    )
  return value
}

/** The value as the tree has it; null when the field can have no such value. */
const checkValue = (reader: Reader, { field, named }: Named, op: Operator['op'], value: Token): string | null => {
  if (field.kind === 'severity') {
    const near = nearest(value.text, severityNames)
    return (
      toSeverity(value.text) ??
      reader.fail(
        {
          reason: 'value',
          expected: [...severityNames, 'a number from 0 to 24'],
          ...(near === null ? {} : { nearest: near }),
          example: 'severity >= error',
        },
        value,
      )
    )
  }
  if (ORDERS.includes(op) && !/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value.text)) {
    // severty >= error: the name is what is wrong.
    const near = toSeverity(value.text) === null ? null : nearest(named.text, ['severity', 'level'])
    const wrong = { reason: 'value', expected: ['a number'], example: `${printField(field)} > 500` } as const
    return near === null
      ? reader.fail(wrong, value)
      : reader.fail({ ...wrong, expected: ['a field that has an order by name: severity'], nearest: near }, named)
  }
  if (op === '~' && value.text === '') return reader.fail({ reason: 'value', expected: ['a text that is not empty'] }, value)
  const isId = field.kind === 'column' && (field.name === 'trace_id' || field.name === 'span_id')
  return isId ? value.text.toLowerCase() : value.text
}

/** (a, b), [a, b] or (a OR b). */
const readList = (reader: Reader, { field, named }: Named): FilterNode | null => {
  if (!reader.takeAny(['(', '[']))
    return reader.fail({
      expected: ['( and a list of values'],
      example: `${printField(field)} IN (${field.kind === 'severity' ? 'warn, error' : 'a, b'})`,
    })
  const values: string[] = []
  do {
    const token = readValue(reader)
    const value = token === null ? null : checkValue(reader, { field, named }, 'in', token)
    if (value === null || !reader.count(1)) return null
    values.push(value)
  } while (reader.takeAny([',', 'OR', '||']))
  return reader.takeAny([')', ']']) ? { op: 'in', field, values } : reader.fail({ expected: [', and another value', ')'] })
}

const readRest = (reader: Reader, { field, named }: Named, { op, isColon }: Operator): FilterNode | null => {
  if (op === 'in' || (op === '=' && reader.peek().text === '(' && reader.peek().kind === 'sign')) return readList(reader, { field, named })
  if (op === 'exists') return reader.count(1) ? { op, field } : null
  const token = readValue(reader)
  if (token === null) return null
  if (token.kind === 'word' && token.text === '*')
    return op === '=' && reader.count(1) ? { op: 'exists', field } : reader.fail({ reason: 'value', expected: ['a value'] }, token)
  if (isColon && op === '=' && field.kind === 'column' && field.name === 'body') return toWordsNode(reader, token)
  const value = checkValue(reader, { field, named }, op, token)
  return value === null || !reader.count(1) ? null : { op, field, value }
}

export const readComparison = (reader: Reader): FilterNode | null => {
  const first = reader.peek()
  const field = readField(reader)
  if (field === null) return null
  const operator = readOperator(reader, field)
  if (operator === null) return null
  const url = operator.isColon && reader.touches(0) && reader.peek().kind === 'word' && reader.peek().text.startsWith('//')
  if (url) return reader.fail({ expected: ['"quotes" around a text that holds a colon'], example: 'body ~ "http://example.com"' }, first)
  const node = readRest(reader, { field, named: first }, operator)
  if (node === null) return null
  if (!operator.negated) return node
  return node.op === 'exists'
    ? reader.fail({ expected: [`NOT EXISTS ${printField(field)}`], example: `NOT EXISTS ${printField(field)}` }, operator.token)
    : { op: 'not', node }
}
