// Logs of known templates for several services: what each message was made of is known, so that its pattern can be judged.

export interface Labelled {
  readonly service: string
  readonly severity: number
  readonly template: number
  readonly text: string
}
type Random = (below: number) => number
const of = <T>(list: readonly T[], random: Random): T => list[random(list.length)]

export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return Math.floor((((state ^ (state >>> 13)) >>> 0) / 4_294_967_296) * below)
  }
}

const NAMES = ['anna', 'bob', 'carol', 'dmitri', 'eve', 'farid', 'grace', 'hiro', 'ines', 'joão', 'kofi', 'lena']
const CITIES = ['Berlin', 'Paris', 'Lagos', 'Osaka', 'Quito', 'Oslo', 'Zürich', 'Perth']
const TABLES = ['orders', 'customers', 'invoices', 'carts', 'stock', 'events']
const hexes = (n: number, random: Random): string => Array.from({ length: n }, () => '0123456789abcdef'[random(16)]).join('')
const alnum = (n: number, random: Random): string =>
  Array.from(
    { length: n },
    (_, i) => (i % 3 === 1 ? '0123456789' : 'abcdefghijklmnopqrstuvwxyzABCDEFGHJKMNPQRSTVWXYZ')[random(i % 3 === 1 ? 10 : 46)],
  ).join('')
/** What stands for a variable, by its name in a template. */
const KINDS: Readonly<Record<string, (random: Random) => string>> = {
  num: (random) => String(random(100_000)),
  int: (random) => String(random(2_000) - 1_000),
  float: (random) => (random(100_000) / 64).toFixed(random(4)),
  ms: (random) => of([`${random(900)}ms`, `${random(9)}.${random(99)}s`, `${random(800)}µs`], random),
  uuid: (random) => [8, 4, 4, 4, 12].map((n) => hexes(n, random)).join('-'),
  hex: (random) => hexes(8 + random(24), random),
  ulid: (random) => `01J${alnum(20, random)}`,
  id: (random) => alnum(8 + random(12), random),
  ip: (random) => Array.from({ length: 4 }, () => random(256)).join('.'),
  addr: (random) => `${KINDS.ip(random)}:${1024 + random(60_000)}`,
  ip6: (random) => `fe80::${hexes(4, random)}:${hexes(3, random)}:${hexes(4, random)}`,
  ts: (random) => new Date(1_750_000_000_000 + random(1_000_000_000)).toISOString(),
  str: (random) => `"${of(NAMES, random)} ${of(CITIES, random)}"`,
  user: (random) => of(NAMES, random),
  city: (random) => of(CITIES, random),
  table: (random) => of(TABLES, random),
  mail: (random) => `${of(NAMES, random)}@example${of(['.com', '.org', '.co.uk', '.net'], random)}`,
  pod: (random) => `web-${hexes(9, random)}-${alnum(5, random)}`,
  list: (random) => Array.from({ length: 1 + random(5) }, () => random(99)).join(','),
  path: (random) => `/srv/${of(NAMES, random)}/${of(TABLES, random)}/${random(99)}.log`,
  host: (random) => `db-${random(40)}.internal`,
  version: (random) => `${random(9)}.${random(20)}.${random(9)}`,
}

/** Service, severity number, text. */
const TEMPLATES: readonly (readonly [string, number, string])[] = [
  ['checkout', 9, 'order {num} placed by {user} for {float} EUR'],
  ['checkout', 9, 'order {num} shipped to {city}'],
  ['checkout', 17, 'order {num} failed: payment declined'],
  ['checkout', 9, 'order {num} succeeded'],
  ['checkout', 13, 'retry {num} of {num} for order {uuid} in {ms}'],
  ['checkout', 17, 'connection to {host}:{num} refused'],
  ['checkout', 17, 'connection to {host}:{num} timed out after {ms}'],
  ['checkout', 9, 'cart {id} restored'],
  ['checkout', 9, 'cart {id} emptied'],
  ['checkout', 5, 'cache hit for key {hex}'],
  ['checkout', 5, 'cache miss for key {hex}'],
  ['auth', 9, 'User {user} logged in from {ip}'],
  ['auth', 9, 'User {user} logged out'],
  ['auth', 13, 'User {user} entered a wrong password, attempt {num}'],
  ['auth', 9, 'session {ulid} opened for {mail}'],
  ['auth', 9, 'session {ulid} closed for {mail}'],
  ['auth', 17, 'token of {str} expired at {ts}'],
  ['auth', 9, 'user {user} moved from {city} to {city}'],
  ['auth', 17, 'cannot verify signature: key {hex} unknown'],
  ['auth', 21, 'panic: runtime error: index out of range [{num}] with length {num}'],
  ['gateway', 9, 'GET /api/v1/orders/{num} {num} {num} {ms}'],
  ['gateway', 9, 'POST /api/v1/orders 201 {num} {ms}'],
  ['gateway', 17, 'GET /api/v1/orders/{num} aborted by client after {ms}'],
  ['gateway', 9, 'accepted connection from {addr}'],
  ['gateway', 9, 'closed connection from {addr}'],
  ['gateway', 9, 'accepted connection from [{ip6}]'],
  ['gateway', 13, 'upstream {pod} is slow: {ms}'],
  ['gateway', 17, 'upstream {pod} is gone'],
  ['gateway', 9, 'level=info msg="request served" path={path} status={num}'],
  ['gateway', 17, 'level=error msg="request failed" path={path} status={num}'],
  ['gateway', 9, 'config version {version} loaded'],
  ['gateway', 9, 'config version {version} rejected'],
  ['store', 9, '{"level":"info","msg":"rows written","table":"{table}","rows":{num},"ms":{float}}'],
  ['store', 17, '{"level":"error","msg":"write failed","table":"{table}","rows":{num},"ms":{float}}'],
  ['store', 9, '{"level":"info","msg":"segment {id} closed","ids":[{list}]}'],
  ['store', 5, 'compaction of {table} took {ms}'],
  ['store', 5, 'flush of {table} took {ms}'],
  ['store', 9, 'checkpoint complete: wrote {num} buffers ({float}%)'],
  ['store', 13, 'replica {host} lags by {num} bytes'],
  ['store', 17, 'deadlock detected on table {table} by process {num}'],
  ['store', 9, '注文 {num} を {user} が更新しました'],
  ['store', 9, 'Sprachpaket für {city} geladen: {num} Einträge'],
  ['store', 13, "can't read {path}: permission denied"],
  ['store', 9, 'batch [{list}] accepted'],
]

/** The frequent are ten times as frequent as the rare. */
export const templateLogs = (records: number, seed: number): Labelled[] => {
  const random = createRandom(seed)
  return Array.from({ length: records }, () => {
    const template = random(10) < 6 ? random(TEMPLATES.length >> 1) * 2 : random(TEMPLATES.length)
    const [service, severity, text] = TEMPLATES[template]
    return { service, severity, template, text: text.replace(/\{(\w+)\}/g, (_, kind: string) => KINDS[kind](random)) }
  })
}
