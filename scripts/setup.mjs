// Installs what package.json pins when something is missing. Runs on any Node >= 20 with nothing installed, so it is
// plain JavaScript and imports nothing but Node. `npm ci` is not used: it refuses a lockfile from which some platform's
// optional packages are absent.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))
const manifest = readJson(join(root, 'package.json'))

const installedVersion = (name) => {
  const path = join(root, 'node_modules', name, 'package.json')
  return existsSync(path) ? readJson(path).version : null
}
const wantedVersion = (spec) => spec.replace(/^npm:.*@/, '')
/** An image carries what runs and no tests: it needs none of their packages. */
const hasTests = existsSync(join(root, 'test'))
const missing = Object.entries({ ...manifest.dependencies, ...(hasTests ? manifest.devDependencies : {}) })
  .filter(([name, spec]) => installedVersion(name) !== wantedVersion(spec))
  .map(([name]) => name)
const hasRuntime = existsSync(join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node'))

if (missing.length > 0 || !hasRuntime) {
  console.error(
    `installing ${missing.length === 0 ? 'the Node runtime' : `${missing.length} packages`} (about 1.1 GB, half of it ClickHouse; a minute on a fast line) ...`,
  )
  const npm = process.env.npm_execpath
  const args = [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    hasTests ? '--include=dev' : '--omit=dev',
    '--include=optional',
  ]
  const run = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (run.status !== 0) {
    console.error('the packages could not be installed: the lines above say why; then run the same command again')
    process.exit(run.status ?? 1)
  }
}
