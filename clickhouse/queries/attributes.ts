// Attributes as their index knows them: pairs of key and value, of the record and its resource together. The expression must
// be the index's own, letter by letter. No pair stands for an attribute that is absent, which equals the empty text.

const PAIRS =
  'arrayConcat(arrayMap((k, v) -> cityHash64(k, v), mapKeys(LogAttributes), mapValues(LogAttributes)), arrayMap((k, v) -> cityHash64(k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))'

/** The condition, and what its index is to be asked. `key` and `value` are parameters; `text` is the value. */
export const withPairIndex = (condition: string, key: string, value: string, text: string): string =>
  text === '' ? condition : '(indexHint(has('.concat(PAIRS, ', cityHash64(', key, ', ', value, '))) AND ', condition, ')')
