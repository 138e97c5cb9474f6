// How a command of ours runs: what is wrong with its arguments is said with the usage and ends it with 2, what went wrong
// later with 1.
import { loadConfig, type Config } from '../config.ts'
import type { ControlRequest } from '../process/control-socket.ts'

export interface Command {
  readonly usage: string
  /** Null when the arguments ask for nothing that there is. @throws Error in words for a wrong one. */
  toRequest(argv: readonly string[]): ControlRequest | null
  /** @throws Error in words. */
  carryOut(config: Config, request: ControlRequest): Promise<void>
}

/** Resolves to the exit code. */
export const runCommand = async ({ usage, toRequest, carryOut }: Command): Promise<number> => {
  let request: ControlRequest | null
  try {
    request = toRequest(process.argv.slice(2))
  } catch (error) {
    console.error((error as Error).message)
    request = null
  }
  if (request === null) {
    console.error(usage)
    return 2
  }
  try {
    await carryOut(loadConfig(process.env), request)
    return 0
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
}
