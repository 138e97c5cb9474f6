import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createAlertReader } from '../../../analytics/read-alerts.ts'
import { anomalyIdOf } from '../../../streams/alerts.ts'
import { envelopeOf } from './memory-log.ts'

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/clients/alertmanager/${name}.bin`, import.meta.url))
const T0 = Date.UTC(2026, 10, 25, 12)
const read = createAlertReader(1024 * 1024)

const reasonOf = async (body: Uint8Array, more = {}): Promise<string> => {
  const answer = await read({ offset: 0, envelope: envelopeOf('alertmanager', T0, more), body })
  return answer.ok ? '' : answer.reason
}

describe('alerts of a message', () => {
  it('a real Alertmanager’s firing and resolved requests carry one fingerprint and the ids that ingest answers', async () => {
    const firing = await read({ offset: 0, envelope: envelopeOf('alertmanager', T0, { format: 'json' }), body: fixture('firing') })
    const resolved = await read({
      offset: 1,
      envelope: envelopeOf('alertmanager', T0, { format: 'json', compression: 'gzip' }),
      body: gzipSync(fixture('resolved')),
    })
    if (!firing.ok || !resolved.ok) throw new Error('unreadable')
    expect([firing.alerts[0].status, resolved.alerts[0].status]).toEqual(['firing', 'resolved'])
    const [alert] = firing.alerts
    expect(resolved.alerts[0].fingerprint).toBe(alert.fingerprint)
    expect(alert.anomalyId).toBe(anomalyIdOf('default', alert.fingerprint, alert.startsAt))
  })

  it('what is not readable has a reason', async () => {
    expect(await reasonOf(new TextEncoder().encode('{"custom":1}'))).toBe('alerts_malformed')
    expect(await reasonOf(new TextEncoder().encode('plain'), { compression: 'gzip' })).toBe('alerts_malformed')
    expect(await reasonOf(gzipSync(new Uint8Array(2 * 1024 * 1024)), { compression: 'gzip' })).toBe('alerts_too_large')
  })
})
