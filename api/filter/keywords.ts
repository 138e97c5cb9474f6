// Words of the grammar, in any case. As values or names they are quoted.

const KEYWORDS = ['AND', 'OR', 'NOT', 'IN', 'EXISTS', 'CONTAINS']
/** Operators of other languages that there is none for here. */
export const FOREIGN = ['LIKE', 'ILIKE', 'MATCHES', 'REGEXP', 'BETWEEN', 'IS']
export const isKeyword = (word: string): boolean => KEYWORDS.includes(word.toUpperCase())
