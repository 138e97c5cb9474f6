// Agents on the vendors' own packages drive the product through one incident each, with a token that may do that and nothing else. Their
// models are scripted; the tools, the routing and every answer are the product's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TRAIL } from '../../../bench/demo/agent/incident-script.ts'
import { playAnthropic } from '../../support/agents/anthropic.ts'
import { playLangchain } from '../../support/agents/langchain.ts'
import { connectEarlierMcp, connectMcp, playMcp } from '../../support/agents/mcp.ts'
import { playOpenaiChat, playOpenaiResponses } from '../../support/agents/openai.ts'
import { openStage, TOOLS } from '../../support/agents/stage.ts'
import { openTarget, type Target } from '../../support/target.ts'

interface AuditRow {
  readonly action: string
}
interface Incident {
  readonly status: string
  readonly postmortem: string
  readonly updates: { readonly by: string; readonly status?: string; readonly body: string }[]
}

let product: Target
beforeAll(async () => {
  product = await openTarget({ LAPWING_LOG_LEVEL: 'warn' })
})
afterAll(async () => {
  await product.dispose()
})

const read = async <T>(path: string): Promise<T> => (await (await product.api(path)).json()) as T

describe.each([
  ['openai-chat', playOpenaiChat(TOOLS)],
  ['openai-chat-strict', playOpenaiChat(`${TOOLS}&strict=1`)],
  ['openai-responses', playOpenaiResponses(TOOLS)],
  ['openai-responses-strict', playOpenaiResponses(`${TOOLS}&strict=1`)],
  ['anthropic', playAnthropic(TOOLS)],
  ['anthropic-strict', playAnthropic(`${TOOLS}&strict=1`)],
  ['langchain', playLangchain],
  ['mcp-2026-07-28', playMcp(connectMcp)],
  ['mcp-2025-11-25', playMcp(connectEarlierMcp)],
])('an agent on %s', (service, play) => {
  it('reads the analysis and the blast radius, comments, acknowledges, resolves and writes it up, and the trail tells so', async () => {
    const stage = await openStage(product, service)
    const { agent, conversation } = stage.identity
    try {
      await play(stage)
    } finally {
      await stage.close()
    }
    const incident = await read<Incident>(`/api/v1/incidents/${stage.incidentId}`)
    expect(incident.status).toBe('resolved')
    expect(incident.postmortem).toContain(`Cause: ${service} ("${service}: connection pool exhausted`)
    expect(incident.updates.map(({ by, status }) => [by, status])).toEqual([
      [agent, undefined],
      [agent, 'acknowledged'],
      [agent, 'resolved'],
    ])
    const trail = (
      await read<{ auditLogs: AuditRow[] }>(`/api/v1/audit-logs?agent_id=${agent}&conversation_id=${conversation}`)
    ).auditLogs.toReversed()
    expect(trail.map(({ action }) => action)).toEqual(TRAIL)
    for (const row of trail)
      expect(row).toMatchObject({
        resource: `incident:${stage.incidentId}`,
        actorPatId: stage.tokenId,
        agentId: agent,
        conversationId: conversation,
      })
  })
})

it('the audit trail of all of them is an unbroken chain', async () => {
  expect(await read('/api/v1/audit-logs/verify')).toMatchObject({ valid: true })
})
