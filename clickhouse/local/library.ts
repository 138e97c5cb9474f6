// Which ClickHouse runs, and whether it may open a directory. Feature releases (year.month) change the format of parts, so
// one that is older than the one that wrote the directory is refused; patches within a release are not.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PermanentError } from '../../streams/contracts/errors.ts'

export interface Engine {
  readonly kind: 'library' | 'binary'
  readonly path: string
  /** As it names itself, for example 26.7.2.1. */
  readonly version: string
}

const OLDEST_BINARY = '26.7'

/** The shared library of the platform's npm package. */
const findLibrary = (): Engine => {
  const require = createRequire(import.meta.url)
  const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
  const name = `@chdb/lib-${platform}`
  let description: string
  try {
    description = require.resolve(`${name}/package.json`, { paths: [dirname(require.resolve('chdb/package.json'))] })
  } catch (error) {
    throw new PermanentError(
      'CONFIG_INVALID',
      `ClickHouse for this platform (${name}) is not installed: \`npm install --include=optional\`, or set CLICKHOUSE_URL or LAPWING_CLICKHOUSE_BINARY`,
      { cause: error },
    )
  }
  const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version: string }
  return { kind: 'library', path: join(dirname(description), process.platform === 'darwin' ? 'libchdb.dylib' : 'libchdb.so'), version }
}

const releaseOf = (version: string): readonly [year: number, month: number] => {
  const match = /^(\d+)\.(\d+)/.exec(version)
  if (match === null) throw new PermanentError('STORE_REJECTED', `not a ClickHouse version: ${JSON.stringify(version.slice(0, 80))}`)
  return [Number(match[1]), Number(match[2])]
}
const isOlder = (version: string, than: string): boolean => {
  const [[year, month], [thanYear, thanMonth]] = [releaseOf(version), releaseOf(than)]
  return year < thanYear || (year === thanYear && month < thanMonth)
}

const inspectBinary = (path: string): Engine => {
  let answer: string
  try {
    answer = execFileSync(path, ['local', '--version'], { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] })
  } catch (error) {
    throw new PermanentError('CONFIG_INVALID', `LAPWING_CLICKHOUSE_BINARY: ${path} does not answer \`local --version\``, { cause: error })
  }
  const version = /version (\d+\.\d+[\d.]*)/i.exec(answer)?.[1] ?? ''
  if (version === '' || isOlder(version, OLDEST_BINARY))
    throw new PermanentError(
      'CONFIG_INVALID',
      `LAPWING_CLICKHOUSE_BINARY: ${path} is ${version === '' ? 'no ClickHouse' : `ClickHouse ${version}`}; ${OLDEST_BINARY} or later is needed`,
    )
  return { kind: 'binary', path, version }
}

/** @param binary a ClickHouse of the machine, used only when it is named. @throws PermanentError CONFIG_INVALID. */
export const chooseEngine = (binary: string | null): Engine => (binary === null ? findLibrary() : inspectBinary(binary))

const recordIn = (directory: string): string => join(directory, 'clickhouse-version')

/** @throws PermanentError STORE_REJECTED when a later release wrote the directory. */
export const refuseDowngrade = (directory: string, engine: Engine): void => {
  let writtenBy: string
  try {
    writtenBy = readFileSync(recordIn(directory), 'utf8').trim()
  } catch {
    return
  }
  if (isOlder(engine.version, writtenBy))
    throw new PermanentError(
      'STORE_REJECTED',
      `${directory} was written by ClickHouse ${writtenBy}; ${engine.version} cannot open it safely: use the later release, or another LAPWING_DATA_DIR`,
    )
}

export const recordVersion = (directory: string, engine: Engine): void =>
  writeFileSync(recordIn(directory), `${engine.version}\n`, { mode: 0o600 })
