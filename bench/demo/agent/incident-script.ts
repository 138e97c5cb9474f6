// What the scripted agent does with an incident, from the first look to the postmortem. Each step takes its arguments from the answers
// before it, as a model does, so a wrong answer leads the script astray. Answers are objects or, over MCP, tables.
import type { Arguments, Value } from './tool-caller.ts'

export type Answers = Readonly<Record<string, Value>>
export interface Step {
  readonly id: string
  readonly says: string
  readonly tool: string
  args(seen: Answers): Arguments
  /** What is to be told of the answer. */
  tell(answer: Value): string
}
interface Incident {
  readonly id: string
  readonly title: string
  readonly services: readonly string[]
}
interface Analysis {
  readonly verdict: { readonly summary: string }
  readonly causes: readonly { readonly service: string; readonly score: number }[]
}
interface Blast {
  readonly root: string
  readonly impacted: readonly { readonly service: string }[]
}

/** Rows of a list, whether it came as objects or as columns and rows. */
export const rowsOf = <Row>(answer: Value, list: string): Row[] => {
  const { columns, rows } = answer as { columns?: string[]; rows?: unknown[][] }
  return columns === undefined
    ? (answer[list] as Row[])
    : rows!.map((cells) => Object.fromEntries(columns.map((column, index) => [column, cells[index]])) as Row)
}
const updatesOf = (answer: Value): string => `${String(answer.status)}, ${(answer.updates as unknown[]).length} on the timeline`

/** `service` tells the agent's incident from others; null = the newest that is open. */
export const incidentScript = (service: string | null): readonly Step[] => {
  const incident = ({ incidents }: Answers): Incident => {
    const found = rowsOf<Incident>(incidents, 'incidents').find((one) => service === null || one.services.includes(service))
    if (found === undefined) throw new Error(`no open incident of ${service ?? 'any service'}`)
    return found
  }
  const analysisOf = (seen: Answers): Analysis => seen.analysis.analysis as Analysis
  const cause = (seen: Answers): string => analysisOf(seen).causes[0]?.service ?? incident(seen).services[0]
  const hit = (seen: Answers): string => (seen.blast.blast as Blast).impacted.map((one) => one.service).join(', ') || 'none'
  const evidence = (seen: Answers): string => rowsOf<{ message: string }>(seen.evidence, 'events')[0]?.message ?? 'no error records'
  const finding = (seen: Answers): string => `Cause: ${cause(seen)} ("${evidence(seen)}"). Also hit: ${hit(seen)}.`
  const update = (id: string, says: string, action: string, body: (seen: Answers) => string, more: Arguments = {}): Step => ({
    id,
    says,
    tool: 'obs_incident_update',
    args: (seen) => ({ id: incident(seen).id, action, body: body(seen), ...more }),
    tell: updatesOf,
  })
  return [
    {
      id: 'anomalies',
      says: 'what is out of the ordinary?',
      tool: 'obs_anomalies_list',
      args: () => ({ since: 'now-1h', limit: 20 }),
      tell: (answer) =>
        rowsOf<{ summary: string }>(answer, 'anomalies')
          .slice(0, 3)
          .map((one) => one.summary)
          .join('; '),
    },
    {
      id: 'incidents',
      says: 'which incidents are open?',
      tool: 'obs_incidents_list',
      args: () => ({ status: 'open', limit: 20 }),
      tell: (answer) =>
        rowsOf<Incident>(answer, 'incidents')
          .map((one) => `${one.id} ${one.title}`)
          .join('; '),
    },
    {
      id: 'analysis',
      says: 'why?',
      tool: 'obs_incident_get',
      args: (seen) => ({ id: incident(seen).id, include: ['analysis'] }),
      tell: (answer) => (answer.analysis as Analysis).verdict.summary,
    },
    {
      id: 'blast',
      says: 'what else is hit?',
      tool: 'obs_incident_get',
      args: (seen) => ({ id: incident(seen).id, include: ['blast'] }),
      tell: (answer) =>
        `${(answer.blast as Blast).root} reaches ${(answer.blast as Blast).impacted.map((one) => one.service).join(', ') || 'nothing else'}`,
    },
    {
      id: 'context',
      says: 'how is the cause doing?',
      tool: 'obs_service_context',
      args: (seen) => ({ service: cause(seen) }),
      tell: (answer) => `${(answer.rates as unknown[]).length} series, ${(answer.anomalies as unknown[]).length} anomalies`,
    },
    {
      id: 'evidence',
      says: 'what does it log?',
      tool: 'obs_logs_search',
      args: (seen) => ({ service: cause(seen), severity_min: 'error', limit: 5 }),
      tell: (answer) => rowsOf<{ message: string }>(answer, 'events')[0]?.message ?? 'nothing',
    },
    {
      ...update('tried', 'try the comment out first', 'comment', finding, { dry_run: true }),
      tell: (answer) => `would change ${(answer.changes as { action: string }[]).map((one) => one.action).join(', ')}`,
    },
    update('annotated', 'write down what was found', 'comment', finding),
    update('acknowledged', 'take it on', 'acknowledge', () => 'On it.'),
    update('resolved', 'it is over', 'resolve', (seen) => `${cause(seen)} is back to normal.`),
    {
      id: 'postmortem',
      says: 'write the postmortem',
      tool: 'obs_postmortem_set',
      args: (seen) => ({
        id: incident(seen).id,
        postmortem: `# ${incident(seen).title}\n\n${analysisOf(seen).verdict.summary}\n\n${finding(seen)}\n`,
      }),
      tell: (answer) => String(answer.postmortem).split('\n')[0],
    },
  ]
}

/** @throws Error when an answer is a refusal: the script has no way around one. */
export const seenOf = (script: readonly Step[], answers: readonly Value[]): Answers =>
  Object.fromEntries(
    answers.map((answer, index) => {
      const { id, tool } = script[index]
      if (typeof answer.code === 'string') throw new Error(`${tool} was refused: ${JSON.stringify(answer)}`)
      return [id, answer]
    }),
  )

/** What the script leaves in the audit trail, oldest first. */
export const TRAIL = ['UPDATE_INCIDENT', 'ACKNOWLEDGE_INCIDENT', 'RESOLVE_INCIDENT', 'SET_POSTMORTEM'] as const
