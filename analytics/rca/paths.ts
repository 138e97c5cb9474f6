// Ways through the graph of calls.
import { trustOf, type Edge } from './graph.ts'

export const edgesByService = (edges: readonly Edge[]): ReadonlyMap<string, readonly Edge[]> => {
  const at = new Map<string, Edge[]>()
  for (const edge of edges) {
    for (const service of [edge.from, edge.to]) {
      const list = at.get(service)
      if (list === undefined) at.set(service, [edge])
      else list.push(edge)
    }
  }
  return at
}

/**
 * For each service the best way from a symptom down to it, as strong as the least unwell of the services in between; an edge without
 * a direction is walked both ways. Null without any calls: then nothing can be said.
 */
export const reachedFrom = (
  symptoms: ReadonlySet<string>,
  calls: ReadonlyMap<string, readonly Edge[]>,
  unwell: (service: string) => number,
): ReadonlyMap<string, number> | null => {
  if (calls.size === 0) return null
  const reached = new Map([...symptoms].map((service) => [service, 1]))
  const queue = [...symptoms]
  for (let i = 0; i < queue.length; i++) {
    const service = queue[i]
    const through = Math.min(reached.get(service)!, symptoms.has(service) ? 1 : unwell(service))
    for (const edge of calls.get(service) ?? []) {
      if (edge.from !== service && trustOf(edge) > 0) continue
      const next = edge.from === service ? edge.to : edge.from
      if (through <= (reached.get(next) ?? 0)) continue
      reached.set(next, through)
      queue.push(next)
    }
  }
  return reached
}
