// Why a list is empty: an agent must not read "no rows" as "healthy".
import type { Tool } from '../tools/derive.ts'
import type { Answer } from './present.ts'

const TIME = ['from', 'to', 'since', 'until']
const PAGING = ['limit', 'cursor', 'page_token', 'dry_run']
const AT = ['ts', 'detected_at', 'openedAt', 'createdAt', 'receivedAt']

export interface Emptiness {
  readonly empty_reason: 'no_match' | 'no_data_in_range' | 'no_data'
  readonly nearest_data_at?: string
}

/** `ask` carries the tool's call out with other arguments; null when it was refused. */
export const explainEmpty = async (
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  list: string,
  ask: (args: Readonly<Record<string, unknown>>) => Promise<Answer | null>,
): Promise<Emptiness> => {
  const names = Object.keys(args)
  const kept = Object.fromEntries(Object.entries(args).filter(([name]) => tool.parametersIn[name] === 'path'))
  const times = Object.fromEntries(Object.entries(args).filter(([name]) => TIME.includes(name)))
  const isFiltered = names.some((name) => tool.parametersIn[name] === 'query' && !TIME.includes(name) && !PAGING.includes(name))
  const start = TIME.find((name) => name in tool.parametersIn)
  const one = 'limit' in tool.parametersIn ? { limit: 1 } : {}
  const first = async (query: Readonly<Record<string, unknown>>): Promise<Record<string, unknown> | undefined> =>
    ((await ask({ ...kept, ...query, ...one }))?.[list] as Record<string, unknown>[] | undefined)?.[0]
  if (isFiltered && (await first(times)) !== undefined) return { empty_reason: 'no_match' }
  if (start === undefined) return { empty_reason: 'no_data' }
  const nearest = await first({ [start]: 'now-30d' })
  const at = nearest === undefined ? undefined : AT.map((name) => nearest[name]).find((value) => typeof value === 'string')
  return nearest === undefined
    ? { empty_reason: 'no_data' }
    : { empty_reason: 'no_data_in_range', ...(at === undefined ? {} : { nearest_data_at: at as string }) }
}
