// What selects logs, for every route that does: the simple parameters and the filter language, AND-ed.
import { Type } from 'typebox'
import type { FilterNode } from '../clickhouse/queries/filter-tree.ts'
import { MAX_ATTRIBUTES, MAX_WORDS, type LogFilter } from '../clickhouse/queries/logs-search.ts'
import { toWords } from '../clickhouse/queries/words.ts'
import { apiError } from './errors.ts'
import { nearest } from './nearest.ts'
import { toSeverityNumber } from './filter/fields.ts'
import { describeError, type FilterError } from './filter/failure.ts'
import { MAX_FILTER_LENGTH, parseFilter } from './filter/parser.ts'

/** Fields of a query string. */
export const logParameters = {
  q: Type.Optional(
    Type.String({ maxLength: 1000, description: 'words in the body, in any case, all of them present; punctuation only separates them' }),
  ),
  service: Type.Optional(Type.String({ maxLength: 255 })),
  severity_min: Type.Optional(Type.String({ maxLength: 20 })),
  trace_id: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{32}$' })),
  attr: Type.Optional(
    Type.Array(Type.String({ maxLength: 2000 }), { maxItems: MAX_ATTRIBUTES, description: 'key:value, on the record or its resource' }),
  ),
  // The length is the parser's to judge, which says more.
  filter: Type.Optional(
    Type.String({
      maxLength: 4 * MAX_FILTER_LENGTH,
      description: 'filter language, AND-ed to the other parameters; see the description of the operation',
      examples: ['service = checkout AND severity >= error AND NOT http.route ~ "/health"'],
    }),
  ),
}
export interface LogParameters {
  readonly q?: string
  readonly service?: string
  readonly severity_min?: string
  readonly trace_id?: string
  readonly attr?: readonly string[]
  readonly filter?: string
}

/** Of operations that take a filter, for their description. */
export const FILTER_LANGUAGE = `**filter** is text of at most 4,096 characters:

\`\`\`
filter     = and { "OR" and }
and        = term { [ "AND" ] term }                                     side by side is AND
term       = "NOT" term | "(" filter ")" | "EXISTS" field | comparison | word | "text"
comparison = field ( "=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">=" ) value
           | field [ "NOT" ] "IN" "(" value { "," value } ")"
field      = service | severity | body | trace_id | span_id | event_name | scope.name | severity_text | host.name
           | attr.KEY | resource.KEY | KEY                               attr."odd key"
\`\`\`

\`~\` = contains, anywhere, whatever the case; a bare word or "text" = these whole words in the body, in any case (indexed, fast). \`severity >= warn\` knows trace, debug, info, warn, error, fatal, unspecified and numbers from 0 to 24; \`severity = error\` is 17 to 20. \`<\` to \`>=\` compare an attribute as a number. A bare KEY is an attribute of the record, or of its resource where the record has none. A missing field equals ""; \`!=\` holds for it: say \`EXISTS user.id AND user.id != 42\`. Values with spaces or signs need quotes; \`\\"\` and \`\\\\\` inside. No wildcards, no regular expressions. Also taken: \`service:checkout\`, \`==\`, \`&&\`, \`||\`, \`!\`, \`-word\`, lower-case keywords.`

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const toSeverity = (text: string): number => {
  const number = toSeverityNumber(text)
  if (number !== null) return number
  const meant = nearest(text, LEVELS)
  throw apiError('VALIDATION_FAILED', 'severity_min is not a severity', [
    {
      path: 'severity_min',
      code: 'enum',
      message: 'one of trace, debug, info, warn, error, fatal or a number from 0 to 24',
      allowed: LEVELS,
      ...(meant === null ? {} : { nearest: meant }),
      example: `severity_min=${meant ?? 'error'}`,
    },
  ])
}
const toAttributes = (attributes: readonly string[]): [string, string][] =>
  attributes.map((text) => {
    const colon = text.indexOf(':')
    if (colon <= 0)
      throw apiError('VALIDATION_FAILED', 'attr is not key:value', [
        { path: 'attr', code: 'pattern', message: 'key:value', example: 'attr=user.id:42' },
      ])
    return [text.slice(0, colon), text.slice(colon + 1)]
  })
const toQueryWords = (q: string): string[] => {
  const words = toWords(q)
  if (q !== '' && words.length === 0)
    throw apiError('VALIDATION_FAILED', 'q has no word', [
      {
        path: 'q',
        code: 'no_word',
        message:
          'a word is a run of letters, digits or characters beyond ASCII; spaces and punctuation only separate words. Leave q out to search without words',
        example: 'q=timeout',
      },
    ])
  if (words.length > MAX_WORDS)
    throw apiError('VALIDATION_FAILED', `q has more than ${MAX_WORDS} words`, [
      { path: 'q', code: 'maxItems', message: `at most ${MAX_WORDS} words`, example: 'q=connection timeout' },
    ])
  return words
}

export const filterFault = (path: string, error: FilterError): Error =>
  apiError('VALIDATION_FAILED', `${path}: ${describeError(error)}`, [
    {
      path,
      code: `filter_${error.reason}`,
      message: 'not what can stand there',
      position: error.position,
      found: error.found,
      allowed: error.expected,
      ...(error.nearest === undefined ? {} : { nearest: error.nearest }),
      example: error.example,
    },
  ])
const toTree = (text: string): FilterNode | null => {
  if (text.trim() === '') return null
  const parsed = parseFilter(text)
  if (!parsed.ok) throw filterFault('filter', parsed.error)
  return parsed.value
}

/** @throws ApiError VALIDATION_FAILED. */
export const toLogFilter = (asked: LogParameters, tenant: string, [from, to]: readonly [string, string]): LogFilter => ({
  tenant,
  fromNs: BigInt(Date.parse(from)) * 1_000_000n,
  toNs: BigInt(Date.parse(to)) * 1_000_000n + 999_999n,
  service: asked.service ?? null,
  severityMin: (asked.severity_min ?? '') === '' ? 0 : toSeverity(asked.severity_min ?? ''),
  words: toQueryWords(asked.q ?? ''),
  attributes: toAttributes(asked.attr ?? []),
  traceId: asked.trace_id?.toLowerCase() ?? null,
  tree: toTree(asked.filter ?? ''),
})
