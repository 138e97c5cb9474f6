// Words of a body as its text index knows them: ASCII punctuation and white space separate, everything else belongs to one;
// the case of ASCII letters does not matter.

export const toWords = (text: string): string[] => text.split(/(?:(?![0-9A-Za-z])\p{ASCII})+/u).filter((word) => word !== '')

/** As ClickHouse's lower(): ASCII only. */
export const lowerWord = (word: string): string => word.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** `words`: the parameter, Array(String), that holds words in lower case; all of them stand in the body. Index and condition are over one
 * expression, and the words are asked for at once: one condition for each had bodies read where any one of them was found, 470 instead of
 * 120 ms of processor time for three words among ten million rows. */
export const allWordsSql = (words: string): string => 'hasAllTokens(lower(Body), '.concat(words, ')')
