// Bare words and "texts": words of the body, by the same rule as the parameter q.
import type { FilterNode } from '../../clickhouse/queries/filter-tree.ts'
import { toWords } from '../../clickhouse/queries/words.ts'
import type { Reader } from './reader.ts'
import type { Token } from './tokens.ts'

export const toWordsNode = (reader: Reader, token: Token): FilterNode | null => {
  if (token.kind === 'word' && token.text.includes('*')) {
    const bare = token.text.replaceAll('*', '')
    return reader.fail(
      {
        reason: 'value',
        expected: ['whole words without *', 'body ~ "part of a word"', 'no filter at all, for everything'],
        example: `body ~ "${/^[\w.-]+$/.test(bare) ? bare : 'time'}"`,
      },
      token,
    )
  }
  const words = toWords(token.text)
  if (words.length === 0)
    return reader.fail({ reason: 'value', expected: ['a text with at least one letter or digit', 'body ~ "---" for signs'] }, token)
  return reader.count(words.length) ? { op: 'words', text: token.text } : null
}

export const readWords = (reader: Reader): FilterNode | null => {
  const token = reader.take()
  return toWordsNode(reader, token)
}
