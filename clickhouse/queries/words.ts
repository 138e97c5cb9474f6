// Words of a body as its token index knows them: ASCII punctuation and white space separate, everything else belongs to one;
// the case of ASCII letters does not matter.

export const toWords = (text: string): string[] => text.split(/(?:(?![0-9A-Za-z])\p{ASCII})+/u).filter((word) => word !== '')

/** As ClickHouse's lower(): ASCII only. */
export const lowerWord = (word: string): string => word.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** `word`: the parameter that holds a word in lower case. The index is over the lower case; reading bodies need not make it. */
export const wordSql = (word: string): string => 'indexHint(hasToken(lower(Body), '.concat(word, ')) AND hasTokenCaseInsensitive(Body, ', word, ')')
