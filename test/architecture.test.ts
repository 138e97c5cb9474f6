// The import arrows and the one-vendor-one-file rule, read off the source as text.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stages = ['streams', 'ingest', 'analytics', 'clickhouse', 'api', 'process'] as const
type Stage = (typeof stages)[number]

/** What a stage may import besides itself. `main.ts` and `scripts/` compose; everybody may read streams/contracts. */
const arrows: Record<Stage, readonly string[]> = {
  streams: [],
  ingest: ['streams'],
  analytics: ['streams', 'clickhouse'],
  clickhouse: ['streams/contracts'],
  api: ['streams/contracts', 'clickhouse'],
  process: ['streams', 'ingest', 'analytics', 'clickhouse', 'api', 'config.ts'],
}

const vendors: Record<string, RegExp> = {
  'uWebSockets.js': /^ingest\/server\.ts$/,
  '@platformatic/kafka': /^streams\/kafka\/platformatic\.ts$/,
  kafkajs: /^streams\/kafka\/kafkajs\.ts$/,
  lmdb: /^streams\/embedded\/store\.ts$/,
  piscina: /^analytics\/pool\/pool\.ts$/,
  '@clickhouse/client': /^clickhouse\/client\.ts$/,
  pg: /^api\/store\/pg\.ts$/,
  '@electric-sql/pglite': /^api\/store\/pglite-thread\.ts$/,
  'ffi-rs': /^clickhouse\/local\/child\.ts$/,
  snappy: /^streams\/[^/]+\.ts$/,
  'simple-statistics': /^analytics\/rca\/[^/]+\.ts$/,
  '@prometheus-io/client': /^process\/metrics\.ts$/,
  jose: /^api\/services\/jwt\.ts$/,
  undici: /^api\/egress\/guarded-fetch\.ts$/,
  'ipaddr.js': /^api\/egress\/address\.ts$/,
  '@fastify/fast-json-stringify-compiler': /^api\/plugins\/schemas\.ts$/,
  '@fastify/rate-limit': /^api\/plugins\/address-limit\.ts$/,
  '@modelcontextprotocol/server': /^api\/mcp\/server\.ts$/,
  '@modelcontextprotocol/node': /^api\/mcp\/server\.ts$/,
  '@modelcontextprotocol/fastify': /^api\/mcp\/server\.ts$/,
  '@dagrejs/dagre': /^api\/plots\/layout\.ts$/,
  'd3-scale': /^api\/plots\/series-plot\.ts$/,
  'd3-shape': /^api\/plots\/series-plot\.ts$/,
  pino: /^process\/logger\.ts$/,
}

const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))

const sources = [...stages.flatMap(filesBelow), ...filesBelow('config'), 'main.ts', 'config.ts'].map((file) => ({
  file,
  text: readFileSync(join(root, file), 'utf8'),
}))
const specifiers = (text: string): string[] =>
  [...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  )

describe('the import arrows', () => {
  for (const stage of stages) {
    it(`${stage} imports only ${arrows[stage].join(', ') || 'itself'}`, () => {
      const wrong = sources
        .filter(({ file }) => file.startsWith(`${stage}/`))
        .flatMap(({ file, text }) =>
          specifiers(text)
            .filter((specifier) => specifier.startsWith('.'))
            .map((specifier) => relative(root, resolve(root, dirname(file), specifier)))
            .filter(
              (target) =>
                !target.startsWith(`${stage}/`) && !arrows[stage].some((allowed) => target === allowed || target.startsWith(`${allowed}/`)),
            )
            .map((target) => `${file} -> ${target}`),
        )
      expect(wrong).toEqual([])
    })
  }

  it('each vendor library has one importing file', () => {
    const wrong = sources.flatMap(({ file, text }) =>
      specifiers(text)
        .filter((specifier) => specifier in vendors && !vendors[specifier].test(file))
        .map((specifier) => `${file} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
    for (const vendor of Object.keys(vendors)) {
      expect(sources.filter(({ text }) => specifiers(text).includes(vendor)).map(({ file }) => file).length, vendor).toBeLessThanOrEqual(1)
    }
  })

  it('pure folders know no clock, no I/O and no Promise', () => {
    const pure = sources.filter(({ file }) => /^analytics\/(decode|anomaly)\//.test(file))
    expect(pure.length).toBeGreaterThan(0)
    const wrong = pure.filter(({ text }) =>
      /Date\.now|performance\.now|node:(fs|net|http)|\bPromise\b|\basync\b/.test(text.replace(/\/\/.*$|\/\*[\s\S]*?\*\//gm, '')),
    )
    expect(wrong.map(({ file }) => file)).toEqual([])
  })

  it('only the composition reads process.env', () => {
    expect(
      sources.filter(({ file, text }) => !/^(main|config)\.ts$/.test(file) && /process\.env/.test(text)).map(({ file }) => file),
    ).toEqual([])
  })

  it('no source file has more than 400 lines', () => {
    expect(sources.filter(({ text }) => text.split('\n').length > 401).map(({ file }) => file)).toEqual([])
  })
})
