// The filter language: text → tree, by recursive descent over the tokens. A wrong text is a value, nothing is thrown, and
// the bounds on length, depth and comparisons bound the time.
import type { Field, FilterNode } from '../../clickhouse/queries/filter-tree.ts'
import { readComparison, readField, startsComparison } from './comparison.ts'
import type { FilterError } from './failure.ts'
import { isKeyword } from './keywords.ts'
import { createReader, type Reader } from './reader.ts'
import { readWords } from './words.ts'

export const MAX_FILTER_LENGTH = 4096
export const MAX_FILTER_DEPTH = 32

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: FilterError }

const AND = ['AND', '&&']
const OR = ['OR', '||']
const NOT = ['NOT', '!']

/** `a AND (b AND c)` is one AND of three. */
const join = (op: 'and' | 'or', nodes: readonly FilterNode[]): FilterNode =>
  nodes.length === 1 ? nodes[0] : { op, nodes: nodes.flatMap((node) => (node.op === op ? node.nodes : [node])) }

const descend = (reader: Reader, depth: number, inner: (depth: number) => FilterNode | null): FilterNode | null =>
  depth < MAX_FILTER_DEPTH
    ? inner(depth + 1)
    : reader.fail({ reason: 'too_deep', expected: [`at most ${MAX_FILTER_DEPTH} parentheses or NOTs in one another`] })

const readGroup = (reader: Reader, depth: number): FilterNode | null => {
  reader.take()
  const node = descend(reader, depth, (inner) => readOr(reader, inner))
  if (node === null) return null
  return reader.takeAny([')']) ? node : reader.fail({ expected: ['AND', 'OR', ')'] })
}

const readTerm = (reader: Reader, depth: number): FilterNode | null => {
  if (reader.takeAny(NOT) || reader.takeMinus()) {
    const node = descend(reader, depth, (inner) => readTerm(reader, inner))
    return node === null ? null : { op: 'not', node }
  }
  const token = reader.peek()
  if (token.text === '(' && token.kind === 'sign') return readGroup(reader, depth)
  const isExists = token.kind === 'word' && token.text.toUpperCase() === 'EXISTS'
  if (isExists && !reader.isOperator(1)) return readExists(reader)
  if (token.kind === 'end' || token.kind === 'sign' || (token.kind === 'word' && isKeyword(token.text) && !reader.isOperator(1))) {
    return reader.fail({ expected: ['a comparison (field = value)', 'a word or "text" of the body', 'EXISTS field', 'NOT', '('] })
  }
  return startsComparison(reader) ? readComparison(reader) : readWords(reader)
}

/** EXISTS field, EXISTS(field). */
const readExists = (reader: Reader): FilterNode | null => {
  reader.take()
  const opened = reader.takeAny(['('])
  const field = readField(reader)
  if (field === null) return null
  if (opened && !reader.takeAny([')'])) return reader.fail({ expected: [')'] })
  return reader.count(1) ? { op: 'exists', field } : null
}

const readAnd = (reader: Reader, depth: number): FilterNode | null => {
  const nodes: FilterNode[] = []
  do {
    const node = readTerm(reader, depth)
    if (node === null) return null
    nodes.push(node)
    // Side by side is AND.
  } while (reader.takeAny(AND) || reader.startsTerm(OR))
  return join('and', nodes)
}

const readOr = (reader: Reader, depth: number): FilterNode | null => {
  const nodes: FilterNode[] = []
  do {
    const node = readAnd(reader, depth)
    if (node === null) return null
    nodes.push(node)
  } while (reader.takeAny(OR))
  return join('or', nodes)
}

const parseWith = <T>(input: string, maxLength: number, read: (reader: Reader) => T | null): Parsed<T> => {
  if (input.length > maxLength)
    return {
      ok: false,
      error: {
        reason: 'too_long',
        position: maxLength,
        found: `${input.length} characters`,
        expected: [`at most ${maxLength} characters`],
        example: 'severity >= error',
      },
    }
  const reader = createReader(input)
  const value = reader.error() === null ? read(reader) : null
  if (value !== null && reader.peek().kind !== 'end')
    reader.fail({
      expected: ['AND', 'OR', 'the end', ...(reader.peek().text === ':' ? ['"quotes" around a value that holds a colon'] : [])],
    })
  const error = reader.error()
  if (value === null || error !== null) return { ok: false, error: error! }
  return { ok: true, value }
}

/** The example is the text itself with what was probably meant, where that alone makes it right. */
export const parseFilter = (input: string, maxLength = MAX_FILTER_LENGTH): Parsed<FilterNode> => {
  const parsed = parseWith(input, maxLength, (reader) => readOr(reader, 0))
  if (parsed.ok || parsed.error.nearest === undefined) return parsed
  const { position, nearest } = parsed.error
  const length = createReader(input).lengthAt(position)
  const mended = input.slice(0, position) + nearest + input.slice(position + length)
  return mended.length <= 200 && parseWith(mended, maxLength, (reader) => readOr(reader, 0)).ok
    ? { ok: false, error: { ...parsed.error, example: mended } }
    : parsed
}

/** Fields alone, as in `by=service,level`. */
export const parseFields = (input: string): Parsed<Field[]> =>
  parseWith(input, 512, (reader) => {
    const fields: Field[] = []
    do {
      const field = readField(reader)
      if (field === null) return null
      fields.push(field)
    } while (reader.takeAny([',']))
    return fields
  })
