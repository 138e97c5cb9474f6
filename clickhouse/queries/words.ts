// Words of a body as its token index knows them: ASCII punctuation and white space separate, everything else belongs to one;
// the case of ASCII letters does not matter.

export const toWords = (text: string): string[] => text.split(/(?:(?![0-9A-Za-z])\p{ASCII})+/u).filter((word) => word !== '')

/** As ClickHouse's lower(): ASCII only. */
export const lowerWord = (word: string): string => word.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** `word`: the parameter that holds a word in lower case. What the index is over and what is read are one expression: two words cost one
 * lower() of a body, and together 0.16 instead of 0.27 s of processor time per million rows that `hasTokenCaseInsensitive` took. */
export const wordSql = (word: string): string => 'hasToken(lower(Body), '.concat(word, ')')
