// Programs of the protocol's makers against our MCP endpoint: the conformance suite for both revisions, and the inspector's check that
// tools can be used by every client. They are fetched into a directory of their own (220 packages); where they cannot be had, they
// are skipped by name. `--results FILE` writes {passed, failed, skipped}.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { addFixtures } from '../live/mcp/fixtures.ts'
import { openEndpoint } from '../live/mcp/endpoint.ts'
import { createChecks } from '../live/checks.ts'

const PACKAGES = ['@modelcontextprotocol/conformance@0.2.0-alpha.12', '@modelcontextprotocol/inspector@2.12.0']
/** What we do not offer, so that the suite cannot find it: servers that ask their client for something, and what 2026-07-28 deprecates. */
const notOffered = [
  'completion-complete',
  'logging-set-level',
  'resources-subscribe',
  'resources-unsubscribe',
  'tools-call-with-logging',
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  ...[
    'basic-elicitation',
    'basic-sampling',
    'basic-list-roots',
    'request-state',
    'multiple-input-requests',
    'multi-round',
    'non-tool-request',
    'result-type',
    'tampered-state',
    'capability-check',
  ].map((name) => `input-required-result-${name}`),
]
const directory = join(tmpdir(), 'lapwing-mcp-programs')
const home = join(directory, 'home')

interface Ran {
  readonly code: number | null
  readonly output: string
}
/** The inspector keeps what it is told in its user's directory: it gets one of its own. */
const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = { ...process.env, HOME: home }): Promise<Ran> =>
  new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, { cwd: directory, env })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        output += String(bytes)
      })
    child
      .on('error', (error) => {
        resolve({ code: -1, output: error.message })
      })
      .on('close', (code) => {
        resolve({ code, output })
      })
  })
const program = (name: string): string => join(directory, 'node_modules', '@modelcontextprotocol', name)

const obtain = async (): Promise<string | null> => {
  mkdirSync(home, { recursive: true })
  if (existsSync(program('conformance')) && existsSync(program('inspector'))) return null
  writeFileSync(join(directory, 'package.json'), '{"private":true}')
  const { code, output } = await run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries', '1', '--save-exact', ...PACKAGES],
    process.env,
  )
  return code === 0 ? null : (output.split('\n').find((line) => line.startsWith('npm error')) ?? 'npm install failed')
}

const { values } = parseArgs({ options: { results: { type: 'string' } } })
const checks = createChecks(console.log)
const missing = await obtain()
if (missing !== null) {
  for (const name of PACKAGES) checks.skip(name, missing)
} else {
  const fixtures = await openEndpoint(addFixtures as never)
  const plain = await openEndpoint()
  for (const revision of ['2026-07-28', '2025-11-25']) {
    await checks.check(
      `conformance with ${revision}`,
      async () => {
        const at = (url: string, ...more: string[]): Promise<Ran> =>
          run(process.execPath, [
            join(program('conformance'), 'dist', 'index.js'),
            'server',
            '--url',
            url,
            '--requirements',
            revision,
            ...more,
          ])
        const { output } = await at(fixtures.url)
        const lines = output.slice(output.indexOf('=== SUMMARY')).split('\n')
        const unscored = new Set(
          lines.slice(lines.findIndex((line) => line.startsWith('Not scored'))).map((line) => /^ {2}[✓✗] (\S+)/.exec(line)?.[1]),
        )
        const outcomes = lines.flatMap((line) => {
          const found = /^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed/.exec(line)
          return found === null ? [] : [{ ok: found[1] === '✓', name: found[2] }]
        })
        const failed = outcomes.filter(({ ok, name }) => !ok && !unscored.has(name) && !notOffered.includes(name)).map(({ name }) => name)
        console.log(
          `    ${outcomes.filter(({ ok }) => ok).length} scenarios pass, ${outcomes.filter(({ ok, name }) => !ok && notOffered.includes(name)).length} ask for what is not offered`,
        )
        writeFileSync(join(directory, `conformance-${revision}.txt`), output)
        if (outcomes.length < 25 || failed.length > 0)
          throw new Error(failed.length > 0 ? `failed: ${failed.join(', ')}` : `the suite ended early: ${output.slice(-300)}`)
      },
      300_000,
    )
  }
  for (const era of ['modern', 'legacy']) {
    await checks.check(
      `inspector --strict of the ${era} era`,
      async () => {
        const { code, output } = await run(process.execPath, [
          join(program('inspector'), 'clients', 'launcher', 'build', 'index.js'),
          '--cli',
          `${plain.url}?toolset=all`,
          '--transport',
          'http',
          '--protocol-era',
          era,
          '--method',
          'tools/list',
          '--strict',
        ])
        if (code !== 0 || !output.includes('obs_incident_update')) throw new Error(`exit ${code}: ${output.slice(-500)}`)
      },
      60_000,
    )
  }
  await fixtures.close()
  await plain.close()
}
console.log(`MCP: ${checks.counts.passed} passed, ${checks.counts.failed} failed, ${checks.counts.skipped} skipped`)
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(checks.counts))
// What programs of others left open does not hold the run.
process.exit(checks.counts.failed === 0 ? 0 : 1)
