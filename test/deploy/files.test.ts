// Files that others copy: they parse, every setting in them is one that we read, and what belongs together is the same everywhere.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const files = readdirSync(join(root, 'deploy'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
const source = ['config.ts', ...readdirSync(join(root, 'config')).map((name) => `config/${name}`)].map(read).join('\n')
/** Names in the source, with the files and TLS settings that are put together there. */
const known = new Set(
  [...source.matchAll(/'((?:LAPWING|KAFKA|CLICKHOUSE|DATABASE|WATCHDOG)_\w+)'/g)].flatMap(([, name]) => [
    name,
    `${name}_FILE`,
    `${name}_TLS_CERT`,
    `${name}_TLS_KEY`,
  ]),
)
/** Of the clients and of compose's own environment. */
const OTHERS = new Set([
  'LAPWING_OTLP_URL',
  'LAPWING_TOKEN',
  'LAPWING_HOST',
  'LAPWING_PORT',
  'LAPWING_CLICKHOUSE_PASSWORD',
  'LAPWING_POSTGRES_PASSWORD',
])
/** Of the images of Kafka and ClickHouse themselves. */
const OF_IMAGES =
  /^(KAFKA_(NODE_ID|PROCESS_ROLES|CONTROLLER_|LISTENER|ADVERTISED_|INTER_|OFFSETS_|TRANSACTION_|GROUP_|MESSAGE_MAX_BYTES|REPLICA_|AUTO_|LOG_DIRS)|CLICKHOUSE_D(B|EFAULT))/
const settingsIn = (text: string): string[] =>
  [...text.matchAll(/\b((?:LAPWING|KAFKA|CLICKHOUSE|DATABASE|WATCHDOG)_[A-Z0-9_]+)\b/g)].map(([, name]) => name)

describe('files to deploy', () => {
  it.each(files.filter((file) => /\.ya?ml$/.test(file)))('%s is YAML', (file) => {
    for (const document of parseAllDocuments(read(file), { merge: true })) expect(document.errors).toEqual([])
  })

  it.each(files)('every setting in %s exists', (file) => {
    expect(settingsIn(read(file)).filter((name) => !known.has(name) && !OTHERS.has(name) && !OF_IMAGES.test(name))).toEqual([])
  })

  it('the README has every setting in its table, and no other', () => {
    const table = new Set(
      read('README.md')
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .flatMap((line) => settingsIn(line.split('|')[1])),
    )
    const real = [
      ...source.matchAll(
        /\b(?:text|number|bytes|choice|name|listen|url|list|secret|tls)\('((?:LAPWING|KAFKA|CLICKHOUSE|DATABASE|WATCHDOG)_\w+)'/g,
      ),
    ].map(([, name]) => name)
    expect(real.filter((name) => !name.endsWith('_FILE') && !table.has(name) && !table.has(`${name}_TLS_CERT`))).toEqual([])
    expect([...table].filter((name) => !known.has(name))).toEqual([])
  })

  it('the image has every folder that a process needs', () => {
    const copied = [...read('deploy/Containerfile').matchAll(/^COPY (?!--from)([\w .-]+?) \S+$/gm)].flatMap(([, names]) => names.split(' '))
    const needed = readdirSync(root, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() &&
          !['node_modules', 'test', 'bench', 'deploy', 'docs', 'data'].includes(entry.name) &&
          !entry.name.startsWith('.'),
      )
      .map(({ name }) => name)
    expect(needed.filter((name) => !copied.includes(name))).toEqual([])
    const ignored = read('.dockerignore')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(copied.filter((name) => ignored.includes(name))).toEqual([])
  })
})
