// Random filters, as trees and as texts.
import fc from 'fast-check'
import { LEVELS, type Field, type FilterNode, type Order, type TextColumn } from '../../../clickhouse/queries/filter-tree.ts'

const columns: readonly TextColumn[] = ['service', 'body', 'trace_id', 'span_id', 'event_name', 'scope.name', 'severity_text']
const severity: Field = { kind: 'severity' }
const severities = fc.constantFrom(...LEVELS, 'unspecified', '0', '9', '24')
const isId = (field: Field): boolean => field.kind === 'column' && (field.name === 'trace_id' || field.name === 'span_id')

export interface Vocabulary {
  readonly keys: fc.Arbitrary<string>
  readonly values: fc.Arbitrary<string>
  readonly words: fc.Arbitrary<string>
  readonly numbers: fc.Arbitrary<string>
}
/** Anything that a filter can hold. */
export const wild: Vocabulary = {
  keys: fc.oneof(
    fc.constantFrom('user.id', 'http.route', 'k8s.pod/name', 'my key', 'a"b', 'in', 'NOT', 'x\\', 'ends.', 'attributes.x', 'ключ'),
    fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }).map((key) => `z${key}`),
  ),
  values: fc.oneof(
    fc.constantFrom('', 'AND', 'null', '*', 'a*', '-5', 'a:b', "it's", '"', '\\', '\\n', '\n', 'ä'),
    fc.string({ maxLength: 12, unit: 'grapheme' }),
  ),
  words: fc.oneof(
    fc.constantFrom('timeout', 'a b', '"x"', 'AND', '\\x'),
    fc.string({ maxLength: 12, unit: 'grapheme' }).map((text) => `w${text}`),
  ),
  numbers: fc.constantFrom('0', '5', '-1.5', '1e3', '.5', '500'),
}

const fields = (keys: fc.Arbitrary<string>): fc.Arbitrary<Field> =>
  fc
    .oneof(
      fc.constantFrom(...columns).map((name): Field => ({ kind: 'column', name })),
      fc.record({
        kind: fc.constant('attribute' as const),
        of: fc.constantFrom('record' as const, 'resource' as const, 'either' as const),
        key: keys,
      }),
      // Without a place, this would be a way to write attr.x.
    )
    .filter((field) => field.kind !== 'attribute' || field.of !== 'either' || !field.key.startsWith('attributes.'))

const leaves = (of: Vocabulary): fc.Arbitrary<FilterNode> => {
  const valueOf = (field: Field, value: string): string => (isId(field) ? value.toLowerCase() : value)
  const attribute = fields(of.keys).filter((field) => field.kind === 'attribute')
  return fc.oneof(
    of.words.map((text): FilterNode => ({ op: 'words', text })),
    fc.oneof(fields(of.keys), fc.constant(severity)).map((field): FilterNode => ({ op: 'exists', field })),
    fc.tuple(fields(of.keys), of.values).map(([field, value]): FilterNode => ({ op: '=', field, value: valueOf(field, value) })),
    fc
      .tuple(
        fields(of.keys),
        of.values.filter((value) => value !== ''),
      )
      .map(([field, value]): FilterNode => ({ op: '~', field, value: valueOf(field, value) })),
    fc
      .tuple(fields(of.keys), fc.array(of.values, { minLength: 1, maxLength: 4 }))
      .map(([field, values]): FilterNode => ({ op: 'in', field, values: values.map((value) => valueOf(field, value)) })),
    fc
      .tuple(fc.constantFrom('<', '<=', '>', '>=') as fc.Arbitrary<Order>, attribute, of.numbers)
      .map(([op, field, value]): FilterNode => ({ op, field, value })),
    fc
      .tuple(fc.constantFrom('=', '<', '<=', '>', '>=') as fc.Arbitrary<'=' | Order>, severities)
      .map(([op, value]): FilterNode => ({ op, field: severity, value })),
    fc.array(severities, { minLength: 1, maxLength: 3 }).map((values): FilterNode => ({ op: 'in', field: severity, values })),
  )
}

/** As the parser makes them: no AND in an AND. */
export const trees = (of: Vocabulary = wild): fc.Arbitrary<FilterNode> =>
  fc.letrec<{ tree: FilterNode }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      leaves(of),
      tie('tree').map((node): FilterNode => ({ op: 'not', node })),
      fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('tree'), { minLength: 2, maxLength: 3 }))
        .map(([op, nodes]): FilterNode => ({ op, nodes: nodes.flatMap((node) => (node.op === op ? node.nodes : [node])) })),
    ),
  })).tree

const PIECES = [
  'service',
  'severity',
  'level',
  '>=',
  '<',
  '=',
  '==',
  '!=',
  '~',
  '!~',
  '=~',
  ':',
  'error',
  'eror',
  'AND',
  'or',
  'NOT',
  '!',
  '-',
  'IN',
  '(',
  ')',
  '[',
  ']',
  ',',
  '"',
  "'",
  '"a b"',
  '\\',
  'attr.',
  'attr."k"',
  'EXISTS',
  'contains',
  'LIKE',
  '*',
  'null',
  '&&',
  '||',
  '&',
  '5',
  '1e999',
  'ä',
  '\u0000',
  '\ud800',
  ' ',
  '\n',
  'http://x:80',
  'timestamp',
]
/** Texts that are filters, nearly filters and none at all. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join('')),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(' ')),
  fc.string({ maxLength: 200 }),
  fc.string({ maxLength: 200, unit: 'binary' }),
)
