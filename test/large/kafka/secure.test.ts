// Brokers that ask who is there: TLS by our list of authorities, passwords by every mechanism, certificates of clients, through each client.
import { describe, expect, it } from 'vitest'
import { makeCertificate } from '../../support/certificate.ts'
import { SASL_MECHANISMS, type KafkaConfig } from '../../../streams/kafka/config.ts'
import { createEnvelope } from '../../support/envelopes.ts'
import { CLIENTS, configOf, openLog, type SecureBroker } from './log.ts'
import { joinAndHold, until } from './members.ts'

const broker = JSON.parse(process.env.LAPWING_TEST_KAFKA_SECURE!) as Partial<SecureBroker> as SecureBroker
const tls = { ca: broker.cert, cert: null, key: null }
const sasl = { mechanism: 'SCRAM-SHA-512', username: broker.username, password: broker.password } as const
const byPassword = (client: KafkaConfig['client'], more: Partial<KafkaConfig> = {}): KafkaConfig =>
  configOf(client, { brokers: [broker.sasl], tls, sasl, ...more })
const byCertificate = (client: KafkaConfig['client'], own: { cert: string; key: string } | null): KafkaConfig =>
  configOf(client, { brokers: [broker.mutual], tls: { ca: broker.cert, cert: own?.cert ?? null, key: own?.key ?? null } })

/** Appends, and reads it back as a member of the group. */
const passThrough = async (config: KafkaConfig): Promise<string> => {
  const log = await openLog(config)
  try {
    const { partition, offset } = await log.append({ partition: 1, envelope: createEnvelope(), body: Buffer.from('hello') })
    const member = await joinAndHold(log)
    await until(() => member.held.has(partition), 'it has the partition')
    const [message] = await member.held.get(partition)!.read({ from: offset, maxBytes: 1000, maxMessages: 1 })
    await member.membership.close()
    return Buffer.from(message.body).toString()
  } finally {
    await log.close()
  }
}
const openingFails = async (config: KafkaConfig): Promise<unknown> =>
  await openLog(config).then(
    async (log) => {
      await log.close()
      return 'it opened'
    },
    (error: unknown) => error,
  )

/** Nobody's list of authorities has it; made only where the suite runs. */
const strange = broker.sasl === undefined ? { cert: '', key: '' } : makeCertificate()

describe.skipIf(broker.sasl === undefined).each(CLIENTS)('%s at a broker that asks who is there', (client) => {
  it.each(SASL_MECHANISMS)('is let in by password, %s over TLS', async (mechanism) => {
    expect(await passThrough(byPassword(client, { sasl: { ...sasl, mechanism } }))).toBe('hello')
  })

  it('is let in by its certificate', async () => {
    expect(await passThrough(byCertificate(client, broker))).toBe('hello')
  })

  it.each([
    ['a wrong password', /SASL authentication failed.*KAFKA_SASL_PASSWORD/, byPassword(client, { sasl: { ...sasl, password: 'wrong' } })],
    [
      'a wrong password, PLAIN',
      /SASL authentication failed.*KAFKA_SASL_PASSWORD/,
      byPassword(client, { sasl: { ...sasl, mechanism: 'PLAIN', password: 'wrong' } }),
    ],
    [
      'a broker that no authority of ours knows',
      /self-signed certificate.*KAFKA_TLS_CA/,
      byPassword(client, { tls: { ...tls, ca: strange.cert } }),
    ],
    ['no certificate', /Connection closed/, byCertificate(client, null)],
    ['a certificate of somebody else', /Connection closed/, byCertificate(client, strange)],
  ])('says so within the time of a start: %s', async (_what, says, config) => {
    const error = await openingFails(config)
    expect([(error as { code?: string }).code, String(error)]).toEqual(['LOG_IO', expect.stringMatching(says)])
  })
})
