// The suite's broker without our log: what others do to a topic.
import { Admin, ConfigResourceTypes, Consumer, Producer } from '@platformatic/kafka'

const options = { clientId: 'somebody-else', bootstrapBrokers: [process.env.LAPWING_TEST_KAFKA!] }
const withAdmin = async <T>(run: (admin: Admin) => Promise<T>): Promise<T> => {
  const admin = new Admin(options)
  try {
    return await run(admin)
  } finally {
    await admin.close()
  }
}

export const createTopic = (topic: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<unknown> =>
  withAdmin((admin) =>
    admin.createTopics({
      topics: [topic],
      partitions,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }),
  )
export const deleteTopic = (topic: string): Promise<unknown> => withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
/** As retention does. */
export const dropBefore = (topic: string, partition: number, offset: number): Promise<unknown> =>
  withAdmin((admin) => admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }] }))
export const settingsOf = (topic: string): Promise<Record<string, string | null | undefined>> =>
  withAdmin(async (admin) => {
    const [{ configs }] = await admin.describeConfigs({ resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }] })
    return Object.fromEntries(configs.map(({ name, value }) => [name, value]))
  })
export const produce = async (topic: string, partition: number, text: string, envelope: Buffer | null): Promise<void> => {
  const producer = new Producer(options)
  try {
    await producer.send({
      messages: [
        { topic, partition, value: Buffer.from(text), headers: new Map(envelope === null ? [] : [[Buffer.from('envelope'), envelope]]) },
      ],
    })
  } finally {
    await producer.close()
  }
}
export interface RawMessage {
  readonly value: Buffer
  /** As text; without the envelope. */ readonly headers: Readonly<Record<string, string>>
  readonly envelope: Buffer
}
/** The first `count` of a topic, from a group of its own. */
export const readAll = async (topic: string, count: number): Promise<RawMessage[]> => {
  const consumer = new Consumer({ ...options, groupId: `reader-${topic}-${Math.random()}`, maxBytes: 32 * 1024 * 1024 })
  const messages: RawMessage[] = []
  try {
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
    for await (const { value, headers } of stream) {
      const all = Object.fromEntries([...headers].map(([key, bytes]) => [key.toString(), bytes]))
      messages.push({
        value,
        envelope: all.envelope,
        headers: Object.fromEntries(
          Object.entries(all)
            .filter(([key]) => key !== 'envelope')
            .map(([key, bytes]) => [key, bytes.toString()]),
        ),
      })
      if (messages.length === count) break
    }
  } finally {
    await consumer.close(true)
  }
  return messages
}
