// Patterns of generated logs with known templates: how many records are grouped as they were made, and what must not matter.
import { describe, expect, it } from 'vitest'
import { generalise, VALUES, type Pattern, type Template } from '../../../api/patterns/generalise.ts'
import { createMaskedText } from '../../../analytics/series/masked-text.ts'
import { hashTemplate } from '../../../analytics/series/template-hash.ts'
import { programLogs } from '../../support/program-logs.ts'
import { createRandom, templateLogs, type Labelled } from '../../support/template-logs.ts'

const hash = { low: 0, high: 0 }
const maskedText = createMaskedText()
const toTemplate = (text: string): Template => {
  const bytes = new TextEncoder().encode(text)
  hashTemplate(hash, bytes, 0, bytes.length)
  return { id: String((BigInt(hash.high) << 32n) | BigInt(hash.low)), text: maskedText(bytes, 0, bytes.length) }
}
const distinct = (templates: readonly Template[]): Template[] => [...new Map(templates.map((one) => [one.id, one])).values()]
const patternsOf = (...texts: string[]): string[] =>
  generalise(distinct(texts.map(toTemplate)))
    .map(({ text }) => text)
    .sort()

/** Pattern of each record. */
const grouped = (records: readonly Labelled[]): Map<Labelled, string> => {
  const found = new Map<Labelled, string>()
  for (const [service, own] of Map.groupBy(records, (record) => record.service)) {
    const templates = own.map(({ text }) => toTemplate(text))
    const patternOf = new Map(
      generalise(distinct(templates)).flatMap((pattern) => pattern.templates.map((id) => [id, `${service} ${pattern.id}`] as const)),
    )
    own.forEach((record, i) => found.set(record, patternOf.get(templates[i].id)!))
  }
  return found
}
const pairs = (n: number): number => (n * (n - 1)) / 2
/** F1 over pairs of records, and the share of records whose group is exactly their template's. */
const scoreOf = (found: ReadonlyMap<Labelled, string>): { f1: number; groups: number; patterns: number } => {
  const of = <K>(key: (entry: readonly [Labelled, string]) => K) => [...Map.groupBy(found, key).values()].map((list) => list.length)
  const both = of(([record, pattern]) => `${record.template} ${pattern}`).reduce((sum, n) => sum + pairs(n), 0)
  const precision = both / of(([, pattern]) => pattern).reduce((sum, n) => sum + pairs(n), 0)
  const recall = both / of(([record]) => record.template).reduce((sum, n) => sum + pairs(n), 0)
  const sizeOf = Map.groupBy(found, ([record]) => record.template)
  const right = [...Map.groupBy(found, ([, pattern]) => pattern).values()].filter(
    (list) => list.every(([record]) => record.template === list[0][0].template) && list.length === sizeOf.get(list[0][0].template)!.length,
  )
  return {
    f1: (2 * precision * recall) / (precision + recall),
    groups: right.reduce((sum, list) => sum + list.length, 0) / found.size,
    patterns: new Set(found.values()).size,
  }
}

describe('patterns of generated logs', () => {
  it.each([
    [20_000, 1],
    [20_000, 2],
    [4_000, 3],
  ])('group %i records as they were made (seed %i)', (records, seed) => {
    const found = grouped(templateLogs(records, seed))
    const score = scoreOf(found)
    expect(score.f1).toBeGreaterThan(0.95)
    expect(score.groups).toBeGreaterThan(0.95)
  })

  it('group messages of well-known programs, but for what is another sentence each time', () => {
    const score = scoreOf(grouped(programLogs(20_000, 6)))
    expect(score.f1).toBeGreaterThan(0.97)
    expect(score.groups).toBeGreaterThan(0.95)
  })

  it('are the same in any order', () => {
    const templates = distinct(templateLogs(5_000, 4).map(({ text }) => toTemplate(text)))
    const key = (patterns: readonly Pattern[]): string =>
      JSON.stringify(patterns.map(({ id, text, templates: of }) => [id, text, of]).sort())
    const expected = key(generalise(templates))
    const random = createRandom(9)
    for (let i = 0; i < 5; i++)
      expect(
        key(
          generalise(
            templates
              .map((one) => ({ one, at: random(1_000_000) }))
              .sort((a, b) => a.at - b.at)
              .map(({ one }) => one),
          ),
        ),
      ).toBe(expected)
  })

  it('keep their ids when more messages of the same kind come', () => {
    const logs = templateLogs(30_000, 5).filter(({ service }) => service === 'auth')
    const before = generalise(distinct(logs.slice(0, 3_000).map(({ text }) => toTemplate(text))))
    const after = new Set(generalise(distinct(logs.map(({ text }) => toTemplate(text)))).map(({ id }) => id))
    expect(before.filter(({ id }) => !after.has(id)).map(({ text }) => text)).toEqual([])
  })

  it('are found among a thousand templates in less than a second of processor time', () => {
    const random = createRandom(11)
    const word = () => Array.from({ length: 5 }, () => 'ghijklmnopqrstuvwxyz'[random(20)]).join('')
    const templates = distinct(
      Array.from({ length: 1_500 }, (_, i) =>
        toTemplate(i % 3 === 0 ? `${word()} ${word()} ${word()} ${word()} ${word()} ${word()}` : `task ${word()} of ${word()} is done`),
      ),
    )
    const before = process.cpuUsage()
    const patterns = generalise(templates)
    const { user, system } = process.cpuUsage(before)
    expect(patterns.some(({ text }) => text === 'task <*> of <*> is done')).toBe(true)
    expect((user + system) / 1e6).toBeLessThan(1)
  })
})

describe('a place of a message', () => {
  it('varies when several words were seen there, all else being equal', () => {
    const names = ['anna', 'bob', 'carol', 'dora', 'emil']
    expect(patternsOf(...names.slice(0, VALUES - 1).map((name) => `user ${name} left`))).toHaveLength(VALUES - 1)
    expect(patternsOf(...names.slice(0, VALUES).map((name) => `user ${name} left`))).toEqual(['user <*> left'])
    expect(patternsOf(...names.map((name) => `user=${name} left`), 'user=zoe left')).toEqual(['user=<*> left'])
  })
  it('holds a list of any length, and an id of either sign', () => {
    expect(patternsOf('rows [1] read', 'rows [1, 2] read', 'rows [1, 2, 3] read')).toEqual(['rows [<num>] read'])
    expect(patternsOf('block blk_-1608999687919862906 served', 'block blk_7503483334202473044 served')).toEqual(['block blk_<num> served'])
  })
  it('does not vary between a few alternatives', () => {
    expect(patternsOf('payment 1 failed', 'payment 2 succeeded', 'payment 3 started')).toEqual([
      'payment <num> failed',
      'payment <num> started',
      'payment <num> succeeded',
    ])
  })
  it('is never all that a message says', () => {
    expect(patternsOf('started', 'stopped', 'failed', 'waiting', 'ready')).toHaveLength(5)
    expect(
      patternsOf(...['a', 'b', 'c', 'd', 'e'].flatMap((x) => ['k', 'l', 'm', 'n', 'o'].map((y) => `v${x} v${y}`))).every((text) =>
        /v\w/.test(text),
      ),
    ).toBe(true)
  })
})
