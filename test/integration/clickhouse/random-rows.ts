// Rows and filters of one small vocabulary, so that most filters match some rows and not all.
import fc from 'fast-check'
import type { Vocabulary } from '../../api/filter/trees.ts'
import type { MatchRow } from '../../support/filter-matches.ts'
import { toRow } from './store.ts'

const KEYS = ['user.id', 'n', 'my key', "k'\\", 'host.name']
const VALUES = [
  '',
  '1',
  '2',
  '500',
  '-1.5',
  '2e2',
  '.5',
  'abc',
  'ABC d',
  'a"b',
  "it's",
  '\\',
  '\\N',
  'tab\there',
  'line\nbreak',
  'ä',
  'Ä',
  '{x:String}',
  '%',
  '7x',
]
const WORDS = ['timeout', 'Timeout', 'TIMEOUT', 'refused', 'x9', 'ä', 'tImeout', '2']
const IDS = ['', 'ab12', '00ff']

export const vocabulary: Vocabulary = {
  keys: fc.constantFrom(...KEYS, 'absent'),
  values: fc.constantFrom(...VALUES, 'absent', ...IDS),
  numbers: fc.constantFrom('0', '1', '2', '-2', '499.5', '500', '1e3'),
  words: fc.array(fc.constantFrom(...WORDS, 'absent'), { minLength: 1, maxLength: 2 }).map((words) => words.join(' - ')),
}
const attributes = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), { maxKeys: 3, noNullPrototype: true })
const row: fc.Arbitrary<MatchRow> = fc.record({
  body: fc.array(fc.constantFrom(...WORDS, ...VALUES), { maxLength: 4 }).map((words) => words.join(' ')),
  service: fc.constantFrom('', 'abc', '1', 'ABC d'),
  severity: fc.constantFrom(0, 1, 9, 10, 13, 17, 20, 21, 24),
  severityText: fc.constantFrom('', 'abc'),
  traceId: fc.constantFrom(...IDS),
  spanId: fc.constantFrom(...IDS),
  eventName: fc.constantFrom('', 'abc', '2'),
  scope: fc.constantFrom('', 'abc', "it's"),
  attributes,
  resource: attributes,
})
export const randomRows = (count: number, seed: number): MatchRow[] => fc.sample(row, { numRuns: count, seed })

export const toStored = (one: MatchRow, tenant: string, ms: number, index: number): object => ({
  ...toRow({
    tenant,
    ms,
    body: one.body,
    service: one.service,
    severity: one.severity,
    attributes: one.attributes,
    resource: one.resource,
    traceId: one.traceId,
    offset: 0,
    index,
  }),
  SpanId: one.spanId,
  EventName: one.eventName,
  ScopeName: one.scope,
  SeverityText: one.severityText,
})
