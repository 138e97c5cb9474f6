// The tokens of one filter with the place that has been read to. The first thing that is wrong is kept; after it nothing is read.
import { shorten, type FilterError } from './failure.ts'
import { isKeyword } from './keywords.ts'
import { tokenize, type Token } from './tokens.ts'

export const MAX_COMPARISONS = 64
const EXAMPLE = 'service = checkout AND severity >= error AND "connection refused"'
const OPERATORS = ['=', '==', '!=', '<>', '<', '<=', '>', '>=', '~', '!~', '=~', ':']

export interface Reader {
  peek(ahead?: number): Token
  take(): Token
  /** Takes a sign or a word, in any case, when it is one of these. */
  takeAny(texts: readonly string[]): boolean
  /** The minus of -word and -field:value, which other languages have for NOT. */
  takeMinus(): boolean
  isOperator(ahead: number): boolean
  /** Whether the token stands right behind the one before it. */
  touches(ahead: number): boolean
  /** Whether something to be AND-ed follows. */
  startsTerm(except: readonly string[]): boolean
  /** Counts comparisons; false when they are too many. */
  count(comparisons: number): boolean
  /** Notes what is wrong at `at`, by default the next token. */
  fail(error: Partial<FilterError> & Pick<FilterError, 'expected'>, at?: Token): null
  error(): FilterError | null
  lengthAt(position: number): number
}

export const createReader = (input: string): Reader => {
  const read = tokenize(input)
  let tokens = 'unclosed' in read ? [] : read
  const end: Token = { kind: 'end', text: '', from: input.length, to: input.length }
  let error: FilterError | null =
    'unclosed' in read
      ? {
          reason: 'syntax',
          position: read.unclosed,
          found: shorten(input.slice(read.unclosed)),
          expected: [`a ${input[read.unclosed]} that closes the quote`],
          example: EXAMPLE,
        }
      : null
  let next = 0
  let comparisons = 0
  const peek = (ahead = 0): Token => tokens[next + ahead] ?? end
  const fail: Reader['fail'] = (wrong, at = peek()) => {
    error ??= { reason: 'syntax', position: at.from, found: shorten(input.slice(at.from, at.to)), example: EXAMPLE, ...wrong }
    return null
  }
  const isAny = (token: Token, texts: readonly string[]): boolean =>
    (token.kind === 'sign' || token.kind === 'word') && texts.includes(token.text.toUpperCase())
  return {
    peek,
    fail,
    take: () => tokens[next++] ?? end,
    takeAny: (texts) => {
      const takes = isAny(peek(), texts)
      if (takes) next++
      return takes
    },
    takeMinus: () => {
      const token = peek()
      if (token.kind !== 'word' || !/^-(?![\d-])/.test(token.text)) return false
      const rest: Token = { ...token, text: token.text.slice(1), from: token.from + 1 }
      if (rest.text === '' && (peek(1).from !== token.to || peek(1).kind === 'end')) return false
      tokens = rest.text === '' ? tokens.toSpliced(next, 1) : tokens.with(next, rest)
      return true
    },
    isOperator: (ahead) => peek(ahead).kind === 'sign' && OPERATORS.includes(peek(ahead).text),
    touches: (ahead) => peek(ahead).kind !== 'end' && next + ahead > 0 && peek(ahead).from === tokens[next + ahead - 1]?.to,
    startsTerm: (except) => {
      const token = peek()
      if (token.kind === 'end' || isAny(token, except)) return false
      if (token.kind === 'sign') return token.text === '(' || token.text === '!'
      return token.kind === 'text' || !isKeyword(token.text) || isAny(token, ['NOT', 'EXISTS'])
    },
    count: (more) => {
      comparisons += more
      if (comparisons > MAX_COMPARISONS)
        fail({ reason: 'too_many', expected: [`at most ${MAX_COMPARISONS} comparisons, words and listed values together`] })
      return comparisons <= MAX_COMPARISONS
    },
    error: () => error,
    lengthAt: (position) => {
      const token = tokens.find(({ from }) => from === position) ?? end
      return token.to - token.from
    },
  }
}
