// `npm run demo:agent`: the shop of `npm run demo` with one service broken, and a scripted agent that deals with it through the published
// tools with a token of its own. Prints each step, what the agent may not do, and the audit trail of its run. Exit code 0 only when all
// held. At most 120 s.
import { until, type Product } from '../../load/product.ts'
import { BROKEN, createSay, createWatcher, get, playDay, type Incident, type Live } from '../shop-day.ts'
import { makeAgentToken, SCOPES } from './agent-token.ts'
import { tryForbidden } from './forbidden.ts'
import { incidentScript, seenOf, TRAIL } from './incident-script.ts'
import { createLossyLine } from './lossy-line.ts'
import { createToolCaller, fetchFile, type Identity, type Routing, type ToolCaller, type Value } from './tool-caller.ts'

const LIMIT_MS = 118_000
const AGENT_MS = 14_000
const begunMs = Date.now()
const say = createSay(begunMs)
const detail = (text: string): void => console.log(`           ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`)

interface AuditRow {
  createdAt: string
  agentId: string
  conversationId: string
  actorPatId: string
  action: string
  resource: string
  seq: number
  hash: string
}
type Problems = string[]
/** All tools with the operation that each stands for. */
type FullRouting = Readonly<Record<string, Routing[string] & { readonly operation_id: string }>>

const playScript = async (caller: ToolCaller, live: Live, problems: Problems): Promise<readonly Value[]> => {
  const script = incidentScript(null)
  const answers: Value[] = []
  for (const [index, step] of script.entries()) {
    if (step.id === 'resolved') {
      live.broken = null
      say(`(${BROKEN} gets its connections back)`)
    }
    const { status, headers, value } = await caller.call(step.tool, step.args(seenOf(script, answers)), `call-${index}`)
    if (status !== 200) throw new Error(`${step.tool}: ${status} ${JSON.stringify(value)}`)
    say(`agent: ${step.says}  ${step.tool}`)
    detail(step.tell(value))
    const isReplayed = headers.get('Idempotent-Replayed') === 'true'
    if (isReplayed)
      detail('the first answer was lost on the way; the repeat under the same Idempotency-Key got it again, and changed nothing')
    if (isReplayed !== (step.id === 'annotated')) problems.push(`${step.id}: ${isReplayed ? 'was replayed' : 'the repeat was no replay'}`)
    answers.push(value)
  }
  const {
    analysis: { analysis },
    postmortem,
  } = seenOf(script, answers) as { analysis: { analysis: { causes: { service: string }[] } }; postmortem: { updates: unknown[] } }
  if (analysis.causes[0]?.service !== BROKEN) problems.push(`${analysis.causes[0]?.service ?? 'nothing'} ranks first, not ${BROKEN}`)
  if (postmortem.updates.length !== 3) problems.push(`${postmortem.updates.length} entries on the timeline, not 3`)
  return answers
}

const showLimits = async (
  identity: Identity,
  caller: ToolCaller,
  routing: FullRouting,
  incidentId: string,
  problems: Problems,
): Promise<void> => {
  say('what the agent may not do')
  for (const { what, status, value, tools } of await tryForbidden(identity, routing)) {
    detail(`${what}: ${tools.length === 0 ? 'no tool' : tools.join(', ')}; by hand ${status} ${String(value.code)}, ${String(value.error)}`)
    if (status !== 403 || tools.length > 0) problems.push(`the agent could ${what}`)
  }
  const { status, headers, value } = await caller.call(
    'obs_incident_update',
    { id: incidentId, action: 'comment', body: 'one more' },
    'call-over-the-cap',
  )
  detail(`change more than its ${TRAIL.length} times a day: ${status} ${String(value.code)}, again in ${headers.get('Retry-After')} s`)
  if (status !== 429 || value.code !== 'PAT_DAILY_LIMIT_EXCEEDED' || !(Number(headers.get('Retry-After')) > 0))
    problems.push('the daily cap did not hold')
}

const showTrail = async (product: Product, identity: Identity, tokenId: string, problems: Problems): Promise<void> => {
  const { auditLogs } = await get<{ auditLogs: AuditRow[] }>(
    product,
    `/api/v1/audit-logs?agent_id=${identity.agent}&conversation_id=${identity.conversation}`,
  )
  say(`audit trail of ${identity.agent}, ${identity.conversation}`)
  for (const row of auditLogs.toReversed())
    detail(`${row.createdAt}  ${row.agentId}  ${row.conversationId}  ${row.action}  ${row.resource}  #${row.seq} ${row.hash.slice(0, 12)}`)
  if (
    auditLogs
      .toReversed()
      .map(({ action }) => action)
      .join() !== TRAIL.join() ||
    auditLogs.some(({ actorPatId }) => actorPatId !== tokenId)
  )
    problems.push('the audit trail is not what the agent did')
  const { valid, checked, head } = await get<{ valid: boolean; checked: number; head: { hash: string } }>(
    product,
    '/api/v1/audit-logs/verify',
  )
  detail(`hash chain: ${valid ? 'unbroken' : 'BROKEN'}, ${checked} rows, head ${head.hash.slice(0, 12)}`)
  if (!valid) problems.push('the hash chain of the audit trail is broken')
}

const playAgent = async (product: Product, live: Live): Promise<Problems> => {
  const problems: Problems = []
  const { api } = product.addresses()
  const { id, token } = await makeAgentToken(product, 'triage agent', { dailyMutationLimit: TRAIL.length })
  const identity: Identity = { api, token, agent: 'triage-agent', conversation: 'demo-run-1' }
  const routing = await fetchFile<FullRouting>(api, 'tools-routing.json', '?toolset=all')
  const line = createLossyLine()
  const caller = createToolCaller(identity, routing, line.send)
  say(
    `agent ${identity.agent} has a token of its own: ${SCOPES.join(', ')}; ${TRAIL.length} changes a day; ${Object.keys(routing).length} tools read from /openapi/tools-routing.json`,
  )
  const answers = await playScript(caller, live, problems)
  const incident = answers.at(-1) as unknown as Incident
  if (incident.status !== 'resolved') problems.push(`the incident is ${incident.status}`)
  if (line.lost() !== 1) problems.push('no answer was lost')
  await showLimits(identity, caller, routing, incident.id, problems)
  await showTrail(product, identity, id, problems)
  return problems
}

process.exit(
  await playDay(say, {
    healthyMs: 0,
    allWell: 'the incident is resolved and written up, the trail tells who did it, and nothing else could be done',
    act: async (product, live) => {
      await until('the cause', Math.max(1000, LIMIT_MS - AGENT_MS - (Date.now() - begunMs)), createWatcher(product, say), 1000)
      return await playAgent(product, live)
    },
  }),
)
