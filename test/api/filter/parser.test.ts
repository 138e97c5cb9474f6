import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseFilter, MAX_FILTER_DEPTH, MAX_FILTER_LENGTH } from '../../../api/filter/parser.ts'
import { printFilter } from '../../../api/filter/printer.ts'
import { MAX_COMPARISONS } from '../../../api/filter/reader.ts'
import { texts, trees } from './trees.ts'

const printed = (text: string): string => {
  const parsed = parseFilter(text)
  return parsed.ok ? printFilter(parsed.value) : `at ${parsed.error.position} ${parsed.error.reason}`
}
const errorOf = (text: string) => {
  const parsed = parseFilter(text)
  if (parsed.ok) throw new Error(`parsed: ${text}`)
  return parsed.error
}

describe('the filter language', () => {
  it.each([
    ['service.name="checkout" AND severity>=error AND body~"time out"', 'service = checkout AND severity >= error AND body ~ "time out"'],
    ['a = 1 OR b = 2 AND c = 3', 'a = 1 OR b = 2 AND c = 3'],
    ['(a = 1 OR b = 2) AND NOT (c = 3 AND d = 4)', '(a = 1 OR b = 2) AND NOT (c = 3 AND d = 4)'],
    ['NOT a = 1 b = 2', 'a != 1 AND b = 2'],
    ['connection refused', '"connection" AND "refused"'],
    ['a AND (b AND (c))', '"a" AND "b" AND "c"'],
    ['severity IN (warn, ERROR2, 9) attr.x NOT IN ("a b", c)', 'severity IN (warn, 18, 9) AND attr.x NOT IN ("a b", c)'],
    ['EXISTS user.id AND NOT EXISTS resource.x', 'EXISTS user.id AND NOT EXISTS resource.x'],
    ['attr."my key" = \'it"s\' "odd key" != x', 'attr."my key" = "it\\"s" AND "odd key" != x'],
    ['duration_ms > -1.5e3', 'duration_ms > -1.5e3'],
    ['host:10.0.0.1:8080 trace_id=AbC0', 'host.name = "10.0.0.1:8080" AND trace_id = abc0'],
  ])('%s reads as %s', (text, expected) => {
    expect(printed(text)).toBe(expected)
  })

  it.each([
    ['service:checkout level:error timeout', 'service = checkout AND severity = error AND "timeout"'],
    ['-level:debug && !(a == 1 || b <> "x y")', 'severity != debug AND NOT (a = 1 OR b != "x y")'],
    ['severity:>=warn status:>500', 'severity >= warn AND status > 500'],
    ['not a=1 and b=2 or c in [1, 2]', 'a != 1 AND b = 2 OR c IN (1, 2)'],
    ['user.id exists', 'EXISTS user.id'],
    ['exists(user.id)', 'EXISTS user.id'],
    ['user.id:* -x=*', 'EXISTS user.id AND NOT EXISTS x'],
    ['service:(a OR b) @http.status_code:500', 'service IN (a, b) AND http.status_code = 500'],
    ['attributes["http.route"]="/x" resource.attributes.k=v', 'attr.http.route = "/x" AND resource.k = v'],
    ['message:timeout', '"timeout"'],
    ['body contains foo', 'body ~ foo'],
    ['Level = Warning', 'severity = warn'],
    ["can't --force", '"can\'t" AND "--force"'],
  ])('of another language, %s reads as %s', (text, expected) => {
    expect(printed(text)).toBe(expected)
  })

  it.each([
    ['service =', 9, ['a value', '"text"']],
    ['(a', 2, ['AND', 'OR', ')']],
    ['a)', 1, ['AND', 'OR', 'the end']],
    ['a "bc', 2, ['a " that closes the quote']],
    ['x = AND y', 4, ['a value', '"text"']],
    ['service > 5', 8, ['=', '!=', '~', '!~', 'IN (…)']],
    ['severity ~ err', 9, ['=', '!=', '<', '<=', '>', '>=', 'IN (…)']],
    ['a >= foo', 5, ['a number']],
    ['service IN checkout', 11, ['( and a list of values']],
  ])('%s is wrong at %i, where %j is expected', (text, position, expected) => {
    expect(errorOf(text)).toMatchObject({ position, expected })
  })

  it.each([
    '',
    'a AND',
    'AND',
    '()',
    'time*',
    'service:check*',
    'http://x',
    '12:30',
    'x = null',
    'timestamp > 5',
    'attr. = 5',
    '---',
    'x =~ "a.*"',
    'service LIKE "x"',
    'severity = 25',
    'a ~ ""',
    'x != *',
    'attr."" = 5',
    'a IN (1, 2',
  ])('%s is refused with an example that is right', (text) => {
    const { example } = errorOf(text)
    expect(parseFilter(example.replace(/^.*filter=/, '')).ok, example).toBe(true)
  })

  it('names what was probably meant, and mends the text with it', () => {
    expect(errorOf('service=a AND level = eror')).toMatchObject({
      position: 22,
      found: 'eror',
      nearest: 'error',
      example: 'service=a AND level = error',
    })
    expect(errorOf('severty >= error')).toMatchObject({ position: 0, nearest: 'severity', example: 'severity >= error' })
    expect(errorOf('level IN (warn, "fatl")')).toMatchObject({ nearest: 'fatal', example: 'level IN (warn, fatal)' })
  })

  it('is bounded in length, depth and comparisons', () => {
    const deep = (n: number): string => `${'('.repeat(n)}a${')'.repeat(n)}`
    expect(printed('a'.repeat(MAX_FILTER_LENGTH))).toHaveLength(MAX_FILTER_LENGTH + 2)
    expect(errorOf('a'.repeat(MAX_FILTER_LENGTH + 1)).reason).toBe('too_long')
    expect(printed(deep(MAX_FILTER_DEPTH))).toBe('"a"')
    expect(errorOf(deep(MAX_FILTER_DEPTH + 1))).toMatchObject({ reason: 'too_deep', position: MAX_FILTER_DEPTH + 1 })
    expect(errorOf(`${'!'.repeat(MAX_FILTER_DEPTH + 1)}a`).reason).toBe('too_deep')
    expect(parseFilter('a '.repeat(MAX_COMPARISONS)).ok).toBe(true)
    for (const text of [
      'a '.repeat(MAX_COMPARISONS + 1),
      `"${'a '.repeat(MAX_COMPARISONS + 1)}"`,
      `x IN (${Array(MAX_COMPARISONS + 1)
        .fill('1')
        .join()})`,
    ])
      expect(errorOf(text).reason).toBe('too_many')
  })

  it('prints every tree as a text that parses to it', () => {
    fc.assert(
      fc.property(trees(), (tree) => {
        const text = printFilter(tree)
        expect(parseFilter(text, 100_000), text).toEqual({ ok: true, value: tree })
      }),
      { numRuns: 3000 },
    )
  })

  it('never throws, and what it takes it prints and takes again', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseFilter(text)
        if (parsed.ok) expect(parseFilter(printFilter(parsed.value), 100_000)).toEqual(parsed)
        else {
          expect(parsed.error.position).toBeGreaterThanOrEqual(0)
          expect(parsed.error.position).toBeLessThanOrEqual(text.length)
          expect(parsed.error.expected.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 20_000, examples: [['@@<0'], ['@@x = 1']] },
    )
  })

  it('takes a filter with a letter changed, dropped or doubled without a throw', () => {
    fc.assert(
      fc.property(trees(), fc.nat(), fc.constantFrom('', '"', '(', ')', '\\', '=', '!', 'x', ' '), (tree, at, letter) => {
        const text = printFilter(tree)
        const place = at % (text.length + 1)
        for (const mutant of [
          text.slice(0, place) + letter + text.slice(place + 1),
          text.slice(0, place) + letter + text.slice(place),
          text.slice(place),
        ])
          parseFilter(mutant, 100_000)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes no longer for the worst text of full length than its length explains', () => {
    for (const piece of ['(', '!', '-', 'a ', '"', '\\', "'", 'a=', 'a:', '[', 'a.b."', '-"', 'x IN (', '!!(', '&&', '\u0000', 'a=b:c:']) {
      const text = piece.repeat(MAX_FILTER_LENGTH).slice(0, MAX_FILTER_LENGTH)
      // Of this thread's own time, so that a busy machine does not count; a quadratic parser takes seconds.
      const begun = process.threadCpuUsage()
      parseFilter(text)
      parseFilter(`x = "${text.slice(10)}`)
      expect(process.threadCpuUsage(begun).user / 1000, piece).toBeLessThan(200)
    }
  })
})
