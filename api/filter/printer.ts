// A tree → the text that parses to the same tree, in one spelling.
import type { Field, FilterNode } from '../../clickhouse/queries/filter-tree.ts'
import { isKeyword } from './keywords.ts'

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
const isPlainName = (text: string): boolean => /^[A-Za-z_][\w./-]*$/.test(text) && !text.endsWith('.') && !isKeyword(text)
const printKey = (key: string): string => (isPlainName(key) ? key : quote(key))
const printValue = (value: string): string =>
  /^-?\w[\w./-]*$/.test(value) && !isKeyword(value) && value.toLowerCase() !== 'null' ? value : quote(value)

export const printField = (field: Field): string => {
  if (field.kind === 'severity') return 'severity'
  if (field.kind === 'column') return field.name
  if (field.of === 'either') return printKey(field.key)
  // resource.attributes.x is another way to write resource.x.
  const key = field.key.startsWith('attributes.') ? quote(field.key) : printKey(field.key)
  return `${field.of === 'record' ? 'attr' : 'resource'}.${key}`
}

const printList = (field: Field, not: string, values: readonly string[]): string =>
  `${printField(field)}${not} IN (${values.map(printValue).join(', ')})`
const printNot = (node: FilterNode): string => {
  if (node.op === '=' || node.op === '~') return `${printField(node.field)} !${node.op} ${printValue(node.value)}`
  if (node.op === 'in') return printList(node.field, ' NOT', node.values)
  return node.op === 'and' || node.op === 'or' ? `NOT (${printFilter(node)})` : `NOT ${printFilter(node)}`
}

export const printFilter = (node: FilterNode): string => {
  switch (node.op) {
    case 'or':
      return node.nodes.map(printFilter).join(' OR ')
    case 'and':
      return node.nodes.map((one) => (one.op === 'or' ? `(${printFilter(one)})` : printFilter(one))).join(' AND ')
    case 'not':
      return printNot(node.node)
    case 'words':
      return quote(node.text)
    case 'exists':
      return `EXISTS ${printField(node.field)}`
    case 'in':
      return printList(node.field, '', node.values)
    default:
      return `${printField(node.field)} ${node.op} ${printValue(node.value)}`
  }
}
