// Where the outputs of a backtest go: decided for all inputs before anything is written, so that none is written over.
import { accessSync, constants, mkdirSync, statSync, type BigIntStats } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface Plan {
  readonly input: string
  readonly name: string
  readonly csv: string
  readonly svg: string
}

/** Null where there is nothing, or nothing that we may look at. */
const statOf = (path: string): BigIntStats | null => {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return null
  }
}

/** The same for two paths to one file, whatever links lead there, and whether or not it is there yet. */
const placeOf = (path: string): string => {
  const stat = statOf(path)
  if (stat !== null) return `${stat.dev}:${stat.ino}`
  return path === dirname(path) ? path : join(placeOf(dirname(path)), basename(path))
}

const nameOf = (input: string, taken: Set<string>): string => {
  const stem = basename(input).replace(/\.csv$/i, '')
  let name = stem
  // Some file systems tell no capitals.
  for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${stem}-${i}`
  taken.add(name.toLowerCase())
  return name
}

/** @throws Error where an output would replace an input, also one that is read before. */
export const planOutputs = (inputs: readonly string[], out: string): Plan[] => {
  const taken = new Set<string>()
  const plans = inputs.map((input): Plan => {
    const name = nameOf(input, taken)
    return { input, name, csv: join(out, `${name}.csv`), svg: join(out, `${name}.svg`) }
  })
  const outputs = new Set(plans.flatMap(({ csv, svg }) => [placeOf(csv), placeOf(svg)]))
  const lost = inputs.find((input) => outputs.has(placeOf(input)))
  if (lost !== undefined) throw new Error(`${lost} would be written over: choose another --out`)
  return plans
}

/** Level by level: of /proc/foo Node's own recursion never returns. */
const makeDirectory = (path: string): void => {
  const stat = statOf(path)
  if (stat === null && path !== dirname(path)) {
    makeDirectory(dirname(path))
    return mkdirSync(path)
  }
  if (stat?.isDirectory() !== true) throw new Error(`${path} is no directory`)
  accessSync(path, constants.W_OK | constants.X_OK)
}

/** @throws Error in one line where nothing can be written. */
export const openDirectory = (out: string): void => {
  try {
    makeDirectory(out)
  } catch (error) {
    throw new Error(`--out ${out} cannot be written to: ${(error as Error).message}`, { cause: error })
  }
}
