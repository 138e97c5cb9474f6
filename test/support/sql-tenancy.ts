// Reads SQL far enough to say which tables a statement reads or changes without naming their tenant: every table must have
// `tenant = <parameter>` as a condition of its own, AND-ed at the top of the WHERE of the very SELECT, UPDATE or DELETE that
// names it. A condition inside an OR, in another sub-query or on another column does not count.

type Token = string | Group
interface Group {
  readonly tokens: readonly Token[]
}
interface TableRef {
  readonly table: string
  readonly alias: string
}

export interface TenancyRules {
  /** Column that holds the tenant, by table; null = the table belongs to none. A table that is not listed is a fault. */
  readonly tables: ReadonlyMap<string, string | null>
  readonly isParameter: (token: string) => boolean
}

const TOKEN = /'(?:[^'\\]|\\.|'')*'|\{\w+:[^}]+\}|\$\d+|[A-Za-z_]\w*|\d[\w.]*|::|<>|!=|>=|<=|[^\s]/g
const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  typeof token === 'string' && words.includes(token.toUpperCase())
const isName = (token: Token | undefined): token is string => typeof token === 'string' && /^[A-Za-z_]\w*$/.test(token)

const toGroup = (sql: string): Group => {
  const stack: Token[][] = [[]]
  for (const token of sql.match(TOKEN) ?? []) {
    if (token === '(') stack.push([])
    else if (token === ')') {
      const tokens = stack.pop()!
      if (stack.length === 0) throw new Error(`unbalanced parentheses: ${sql}`)
      stack[stack.length - 1].push({ tokens })
    } else stack[stack.length - 1].push(token)
  }
  if (stack.length !== 1) throw new Error(`unbalanced parentheses: ${sql}`)
  return { tokens: stack[0] }
}

const AFTER_TABLE = [
  'WHERE',
  'PREWHERE',
  'GROUP',
  'ORDER',
  'LIMIT',
  'ON',
  'USING',
  'JOIN',
  'LEFT',
  'INNER',
  'CROSS',
  'FULL',
  'RIGHT',
  'FINAL',
  'SET',
  'SETTINGS',
  'UNION',
  'HAVING',
  'FOR',
  'RETURNING',
  'ARRAY',
  'SAMPLE',
]

const refAt = (tokens: readonly Token[], at: number): TableRef | null => {
  const name = tokens[at]
  // A sub-query or a function's rows: looked at as a group of its own.
  if (!isName(name) || typeof tokens[at + 1] === 'object') return null
  const qualified = tokens[at + 1] === '.' ? `${name}.${String(tokens[at + 2])}` : name
  let next = at + (qualified === name ? 1 : 3)
  if (isWord(tokens[next], 'AS')) next++
  const alias = tokens[next]
  return { table: qualified, alias: isName(alias) && !isWord(alias, ...AFTER_TABLE) ? alias : qualified }
}

/** Tables that one statement (one part of a UNION) names at its own level. */
const refsOf = (tokens: readonly Token[]): TableRef[] =>
  tokens
    .flatMap((token, at) => {
      const before = tokens[at - 1]
      const names =
        isWord(token, 'FROM') ||
        (isWord(token, 'JOIN') && !isWord(before, 'ARRAY')) ||
        (isWord(token, 'UPDATE') && !isWord(before, 'DO', 'FOR'))
      if (!names) return []
      const found = [refAt(tokens, at + 1)]
      if (!isWord(token, 'FROM')) return found
      for (let next = at + 1; next < tokens.length && !isWord(tokens[next], 'WHERE', 'PREWHERE', 'GROUP', 'ORDER', 'LIMIT', 'JOIN'); next++)
        if (tokens[next] === ',') found.push(refAt(tokens, next + 1))
      return found
    })
    .filter((ref) => ref !== null)

const split = (tokens: readonly Token[], ...words: readonly string[]): Token[][] => {
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (isWord(token, ...words)) parts.push([])
    else parts[parts.length - 1].push(token)
  }
  return parts
}

/** Conditions that hold for every row: of WHERE and ON, AND-ed at the top. None where an OR stands beside them. */
const conditionsOf = (tokens: readonly Token[]): Token[][] => {
  const conditions: Token[][] = []
  for (let at = 0; at < tokens.length; at++) {
    if (!isWord(tokens[at], 'WHERE', 'PREWHERE', 'ON') || isWord(tokens[at + 1], 'CONFLICT')) continue
    let end = at + 1
    while (
      end < tokens.length &&
      !isWord(tokens[end], 'WHERE', 'GROUP', 'ORDER', 'LIMIT', 'HAVING', 'SETTINGS', 'RETURNING', 'JOIN', 'LEFT', 'INNER', 'FOR')
    )
      end++
    const clause = tokens.slice(at + 1, end)
    if (!clause.some((token) => isWord(token, 'OR'))) conditions.push(...split(clause, 'AND'))
  }
  return conditions
}

const textOf = (condition: readonly Token[]): string | null =>
  condition.every((token) => typeof token === 'string') ? condition.join('') : null

const faultsOfPart = (tokens: readonly Token[], rules: TenancyRules): string[] => {
  const refs = refsOf(tokens)
  const conditions = conditionsOf(tokens)
    .map(textOf)
    .filter((text) => text !== null)
  const names = (ref: TableRef, column: string): string[] => [`${ref.alias}.${column}`, ...(refs.length === 1 ? [column] : [])]
  const bound = new Set<TableRef>()
  const bind = (ref: TableRef): boolean => {
    const column = rules.tables.get(ref.table)
    if (column === undefined || column === null) return false
    return conditions.some((condition) => {
      const [left, right, ...more] = condition.split('=')
      if (more.length > 0 || right === undefined || !names(ref, column).includes(left)) return false
      return rules.isParameter(right) || [...bound].some((other) => right === `${other.alias}.${rules.tables.get(other.table)}`)
    })
  }
  // A table that is joined on the tenant of a bound one is bound as well.
  for (let before = -1; before !== bound.size;) {
    before = bound.size
    for (const ref of refs) if (bind(ref)) bound.add(ref)
  }
  return refs.flatMap((ref) => {
    const column = rules.tables.get(ref.table)
    if (column === undefined) return [`unknown table ${ref.table}`]
    return column === null || bound.has(ref) ? [] : [`${ref.table} (${ref.alias}) without its tenant`]
  })
}

const faultsOfInsert = (tokens: readonly Token[], rules: TenancyRules): string[] => {
  const at = tokens.findIndex((token, index) => isWord(token, 'INTO') && isWord(tokens[index - 1], 'INSERT'))
  if (at < 0) return []
  const table = String(tokens[at + 1])
  const columns = tokens[isWord(tokens[at + 2], 'AS') ? at + 4 : at + 2]
  const column = rules.tables.get(table)
  if (column === undefined) return [`unknown table ${table}`]
  return column === null || (typeof columns === 'object' && columns.tokens.includes(column))
    ? []
    : [`INSERT INTO ${table} without its tenant`]
}

const faultsOf = ({ tokens }: Group, rules: TenancyRules): string[] => [
  ...faultsOfInsert(tokens, rules),
  ...split(tokens, 'UNION', 'INTERSECT', 'EXCEPT').flatMap((part) => faultsOfPart(part, rules)),
  ...tokens.flatMap((token) => (typeof token === 'object' ? faultsOf(token, rules) : [])),
]

/** What is wrong; empty when every table is held to a tenant. */
export const tenancyFaults = (sql: string, rules: TenancyRules): string[] => faultsOf(toGroup(sql), rules)
