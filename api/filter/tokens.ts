// Text → tokens, each with where it stands. Bare words end at white space, quotes and the signs of the grammar.

export interface Token {
  /** `text` = a quoted one, unescaped. */
  readonly kind: 'word' | 'text' | 'sign' | 'end'
  readonly text: string
  /** In UTF-16 units, end exclusive. */
  readonly from: number
  readonly to: number
}

/** Longer ones first. */
const SIGNS = ['==', '!=', '<>', '>=', '<=', '=~', '!~', '&&', '||', '(', ')', '[', ']', ',', '=', '<', '>', '~', ':', '!'] as const
const SPACE = /\s/
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', "'": "'", '\\': '\\' }

const signAt = (input: string, at: number): string | undefined => SIGNS.find((sign) => input.startsWith(sign, at))

/** Where the quote ends, and its text; null when it never does. An unknown escape stands for itself. */
const readQuoted = (input: string, from: number): Token | null => {
  let text = ''
  for (let at = from + 1; at < input.length; at++) {
    if (input[at] === input[from]) return { kind: 'text', text, from, to: at + 1 }
    if (input[at] !== '\\') text += input[at]
    else if (at + 1 < input.length) text += ESCAPES[input[++at]] ?? `\\${input[at]}`
  }
  return null
}

/** The tokens, an `end` behind them; or where a quote begins that has no end. */
export const tokenize = (input: string): readonly Token[] | { readonly unclosed: number } => {
  const tokens: Token[] = []
  for (let at = 0; at < input.length;) {
    if (SPACE.test(input[at])) {
      at++
      continue
    }
    const sign = signAt(input, at)
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, from: at, to: at + sign.length })
    else if (input[at] === '"' || input[at] === "'") {
      const quoted = readQuoted(input, at)
      if (quoted === null) return { unclosed: at }
      tokens.push(quoted)
    } else {
      let to = at + 1
      while (to < input.length && !SPACE.test(input[to]) && input[to] !== '"' && signAt(input, to) === undefined) to++
      tokens.push({ kind: 'word', text: input.slice(at, to), from: at, to })
    }
    at = tokens[tokens.length - 1].to
  }
  return [...tokens, { kind: 'end', text: '', from: input.length, to: input.length }]
}
