// Templates that differ in words only → patterns. A place in a message is a variable when several templates differ nowhere else:
// fewer are alternatives (started, failed), which must not become one. What comes out depends on the set of templates alone, not
// on their order, so every process and every time gives the same. Pure.
import { createHash } from 'node:crypto'
import { patternId, patternOfTemplate } from '../../streams/contracts/pattern-id.ts'

export interface Template {
  /** 64-bit hash as text. */ readonly id: string
  readonly text: string
}
export interface Pattern {
  readonly id: string
  readonly text: string
  /** Ids of its templates. */ readonly templates: readonly string[]
}

export const VARIABLE = '<*>'
/** So many different words in one place, all else being equal, are values. */
export const VALUES = 4
/** Places that may vary at once before each was seen to vary alone. */
const MOST_AT_ONCE = 3
/** Places of a message that are looked at, and combinations of them for one group. */
const MOST_PLACES = 48
const MOST_LOOKUPS = 300_000

interface Node {
  readonly tokens: string[]
  readonly templates: string[]
  isMerged: boolean
}
interface Group {
  readonly nodes: Node[]
  /** Tokens that may vary. */ readonly places: readonly number[]
}

const TOKENS = /[\s=:;,()[\]{}"'`|]+|[^\s=:;,()[\]{}"'`|]+/g
const isWord = (token: string): boolean => /[^\s=:;,()[\]{}"'`|]/.test(token)
/** Says something: more than marks and signs. */
const hasLetters = (token: string): boolean => /[\p{L}]/u.test(token.replace(/<(?:num|str|\*)>/g, ''))

const idOfText = (text: string): string => patternId(createHash('sha256').update(text).digest('hex').slice(0, 16))

/** Lists are one value however long they are, and so are ids that may be negative. */
const canonical = (text: string): string => text.replace(/<(num|str)>(?:, ?<\1>)+/g, '<$1>').replaceAll('_-<num>', '_<num>')

/** Only templates with the same signs around the same number of words are compared. */
const toGroups = (templates: readonly Template[]): Group[] => {
  const groups = new Map<string, Node[]>()
  for (const [text, same] of Map.groupBy(templates, (template) => canonical(template.text))) {
    const ids = same.map(({ id }) => id)
    const tokens = text.match(TOKENS) ?? []
    const frame = tokens.map((token) => (isWord(token) ? '\u0000' : token)).join('')
    const nodes = groups.get(frame)
    if (nodes === undefined) groups.set(frame, [{ tokens, templates: ids, isMerged: false }])
    else nodes.push({ tokens, templates: ids, isMerged: false })
  }
  return [...groups.values()].map((nodes) => ({
    nodes,
    places: nodes[0].tokens.flatMap((token, place) => (isWord(token) ? [place] : [])).slice(0, MOST_PLACES),
  }))
}

const combinations = (places: readonly number[], size: number): number[][] =>
  size === 0 ? [[]] : places.flatMap((place, i) => combinations(places.slice(i + 1), size - 1).map((rest) => [place, ...rest]))
const countOf = (n: number, size: number): number => (size === 1 ? n : size === 2 ? (n * (n - 1)) / 2 : (n * (n - 1) * (n - 2)) / 6)

const without = (tokens: readonly string[], places: readonly number[]): string[] => {
  const rest = [...tokens]
  for (const place of places) rest[place] = VARIABLE
  return rest
}
/** As many words stay as vary. */
const saysEnough = (tokens: readonly string[]): boolean =>
  tokens.filter(hasLetters).length >= tokens.filter((token) => token === VARIABLE).length

interface Candidate {
  readonly tokens: string[]
  readonly text: string
  readonly nodes: Node[]
}
const variesIn = (nodes: readonly Node[], place: number): boolean => new Set(nodes.map(({ tokens }) => tokens[place])).size >= VALUES

const candidatesOf = ({ nodes, places }: Group, atOnce: number): Candidate[] => {
  if (nodes.length < VALUES || places.length <= atOnce || countOf(places.length, atOnce) * nodes.length > MOST_LOOKUPS) return []
  return combinations(places, atOnce).flatMap((chosen) => {
    // Where nothing varies there is nothing to look up.
    if (!chosen.every((place) => variesIn(nodes, place))) return []
    const found = Map.groupBy(nodes, ({ tokens }) => without(tokens, chosen).join('\u0001'))
    return [...found.values()].flatMap((alike) => {
      const tokens = without(alike[0].tokens, chosen)
      return alike.length >= VALUES && saysEnough(tokens) && chosen.every((place) => variesIn(alike, place))
        ? [{ tokens, text: tokens.join(''), nodes: alike }]
        : []
    })
  })
}

const byStrength = (a: Candidate, b: Candidate): number => b.nodes.length - a.nodes.length || (a.text < b.text ? -1 : 1)
const matches = (pattern: Node, node: Node): boolean => pattern.tokens.every((token, i) => token === VARIABLE || token === node.tokens[i])

/** One round: the strongest candidates first, each template in one of them; then what fits a pattern joins it. */
const merge = (group: Group, atOnce: number): Group | null => {
  const candidates = candidatesOf(group, atOnce).sort(byStrength)
  const made: Node[] = []
  for (const { tokens, nodes } of candidates) {
    const free = nodes.filter((node) => !node.isMerged)
    if (free.length < VALUES) continue
    for (const node of free) node.isMerged = true
    made.push({ tokens, templates: free.flatMap((node) => node.templates), isMerged: false })
  }
  if (made.length === 0) return null
  const rest = group.nodes
    .filter((node) => !node.isMerged)
    .filter((node) => {
      const home = made.find((pattern) => matches(pattern, node))
      home?.templates.push(...node.templates)
      return home === undefined
    })
  return { ...group, nodes: [...made, ...rest] }
}

const settle = (group: Group): Group => {
  for (let atOnce = 1; atOnce <= MOST_AT_ONCE; atOnce++) {
    const merged = merge(group, atOnce)
    if (merged !== null) return settle(merged)
  }
  return group
}

const toPattern = ({ tokens, templates }: Node): Pattern => {
  const text = tokens.join('')
  return templates.length === 1
    ? { id: patternOfTemplate(templates[0]), text, templates }
    : { id: idOfText(text), text, templates: templates.toSorted() }
}

/** @param templates of one service, no id twice; their order does not matter. */
export const generalise = (templates: readonly Template[]): Pattern[] => {
  const ordered = templates.toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.id < b.id ? -1 : 1))
  return toGroups(ordered).flatMap((group) => settle(group).nodes.map(toPattern))
}
