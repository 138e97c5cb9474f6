// What a filter over logs says, free of how it was written: the tree that `filter-sql.ts` turns into SQL and the API's parser
// makes. A field has one text; a missing one is the empty text. `!=` and `!~` are `not` of their opposites.

export type TextColumn = 'service' | 'body' | 'trace_id' | 'span_id' | 'event_name' | 'scope.name' | 'severity_text'
/** `either` is the record's attribute, or its resource's where the record has none of that key. */
export type Field =
  | { readonly kind: 'severity' }
  | { readonly kind: 'column'; readonly name: TextColumn }
  | { readonly kind: 'attribute'; readonly of: 'record' | 'resource' | 'either'; readonly key: string }

/** Of numbers; a text that is none is in no order with any. Severities are in order by name as well. */
export type Order = '<' | '<=' | '>' | '>='
export type FilterNode =
  | { readonly op: 'and' | 'or'; readonly nodes: readonly FilterNode[] }
  | { readonly op: 'not'; readonly node: FilterNode }
  /** Every word of the text is a word of the body. */
  | { readonly op: 'words'; readonly text: string }
  | { readonly op: 'exists'; readonly field: Field }
  /** `~` = contains, whatever the case. */
  | { readonly op: '=' | '~' | Order; readonly field: Field; readonly value: string }
  | { readonly op: 'in'; readonly field: Field; readonly values: readonly string[] }

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** The severity numbers, first and last, that a level (error), a number (17) or `unspecified` stands for. */
export const severityRange = (value: string): readonly [number, number] | null => {
  if (value === 'unspecified') return [0, 0]
  const level = LEVELS.indexOf(value as (typeof LEVELS)[number])
  if (level >= 0) return [level * 4 + 1, level * 4 + 4]
  const number = /^\d{1,2}$/.test(value) ? Number(value) : 25
  return number <= 24 ? [number, number] : null
}

/** Attributes that the tree wants something of; what is negated may well be absent. */
export const attributesOf = (tree: FilterNode): Extract<Field, { kind: 'attribute' }>[] => {
  if ('nodes' in tree) return tree.nodes.flatMap(attributesOf)
  return 'field' in tree && tree.field.kind === 'attribute' ? [tree.field] : []
}
