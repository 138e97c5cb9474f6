// The driver on kafkajs, the only file that imports it. Its consumer repeats messages and cannot be fenced, so fetches and the group's
// requests go through its connections, as in the other driver; it has no static membership, and does not know the ids of topics: what
// a topic is like is asked of the driver that does.
import { createRequire } from 'node:module'
import { Kafka, logLevel, type KafkaConfig as Options, type Producer, type SASLOptions } from 'kafkajs'
import type { KafkaConfig } from './config.ts'
import { ENVELOPE_HEADER, type FetchRequest, type Incoming, type KafkaDriver, type TopicPort } from './driver.ts'
import { GroupError, runMembership, type GroupCalls, type GroupLog } from './group-protocol.ts'
import { NOTHING, offsetsOf, PEEK_BYTES, RETRY_MS, toLogError, toSendError, VERDICTS, viewOf } from './outcomes.ts'
import { CONNECT_MS, GROUP_PROTOCOL, GROUP_TIMES, REBALANCE_MS, REQUEST_MS, SEND_MS, SESSION_MS } from './times.ts'

/** What we use of its inner side, which its types leave out. The version is pinned. */
interface Broker {
  fetch(request: {
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    isolationLevel: number
    topics: readonly { topic: string; partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[] }[]
  }): Promise<{
    responses: readonly {
      partitions: readonly {
        messages: readonly {
          offset: string
          value: Buffer | null
          headers?: Record<string, Buffer | Buffer[]>
          isControlRecord?: boolean
        }[]
      }[]
    }[]
  }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    groupProtocols: readonly { name: string; metadata: Buffer }[]
  }): Promise<{
    generationId: number
    leaderId: string
    memberId: string
    members: readonly { memberId: string; groupInstanceId: string | null }[]
  }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    topics: readonly { topic: string; partitions: readonly { partition: number; offset: string; metadata: string }[] }[]
  }): Promise<unknown>
}
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>
  findBroker(which: { nodeId: string }): Promise<Broker>
  findGroupCoordinator(which: { groupId: string }): Promise<Broker>
}
interface Codec {
  readonly MemberMetadata: { encode(value: { version: number; topics: readonly string[] }): Buffer }
  readonly MemberAssignment: {
    encode(value: { version: number; assignment: Record<string, readonly number[]> }): Buffer
    decode(bytes: Buffer): { assignment: Record<string, number[]> } | null
  }
}
const { MemberMetadata, MemberAssignment } = createRequire(import.meta.url)('kafkajs/src/consumer/assignerProtocol.js') as Codec
const createClusterOf = (kafka: Kafka): (() => Cluster) => {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')!
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key]
  return () => create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, maxInFlightRequests: null, isolationLevel: 0 })
}

const typeOf = (error: unknown): string => {
  const { type, cause } = error as { type?: string; cause?: { type?: string } }
  return type ?? cause?.type ?? ''
}
const saslOf = ({ mechanism, username, password }: NonNullable<KafkaConfig['sasl']>): SASLOptions => ({
  mechanism: mechanism.toLowerCase() as 'plain',
  username,
  password,
})

export const openKafkajsDriver = (
  config: KafkaConfig,
  { logger, topics }: { readonly logger: GroupLog; readonly topics: TopicPort },
): KafkaDriver => {
  const { tls, sasl } = config
  const options: Options = {
    clientId: config.clientId,
    brokers: [...config.brokers],
    connectionTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    retry: { retries: 2, initialRetryTime: 250 },
    // It tells of what passes by itself as errors.
    logLevel: logLevel.NOTHING,
    ...(tls === null ? {} : { ssl: { ca: tls.ca ?? undefined, cert: tls.cert ?? undefined, key: tls.key ?? undefined } }),
    ...(sasl === null ? {} : { sasl: saslOf(sasl) }),
  }
  const kafka = new Kafka(options)
  const createCluster = createClusterOf(kafka)
  const createGroupCluster = createClusterOf(new Kafka({ ...options, requestTimeout: REBALANCE_MS + CONNECT_MS }))
  const admin = kafka.admin()
  let connecting: Promise<void> | null = null
  const asked = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      await (connecting ??= admin.connect())
      return await run()
    } catch (error) {
      connecting = null
      throw toLogError(error)
    }
  }
  let producer: Promise<Producer> | null = null
  const openProducer = async (): Promise<Producer> => {
    const one = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
      retry: { retries: SEND_MS / RETRY_MS, initialRetryTime: RETRY_MS, maxRetryTime: RETRY_MS },
    })
    await one.connect()
    return one
  }
  /** After a failed send its sequence numbers would begin where the lost ones did, and the broker would take what comes next for them. */
  const dropProducer = (): void => {
    producer?.then((one) => one.disconnect()).catch(() => undefined)
    producer = null
  }

  const partitionCounts = new Map<string, number>()
  const fetchFrom = async (
    cluster: Cluster,
    topic: string,
    partition: number,
    { from, maxBytes, waitMs }: FetchRequest,
  ): Promise<readonly Incoming[]> => {
    try {
      await cluster.connect()
      await cluster.addTargetTopic(topic)
      const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
      const broker = await cluster.findBroker({ nodeId })
      const { responses } = await broker.fetch({
        maxWaitTime: waitMs,
        minBytes: 1,
        maxBytes,
        isolationLevel: 0,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(from), maxBytes }] }],
      })
      // It asked by name: what came is of this log if the topic of that name still is.
      await topics.assertSame(topic)
      return responses
        .flatMap((one) => one.partitions)
        .flatMap(({ messages }) =>
          messages.flatMap((message): Incoming[] => {
            const offset = Number(message.offset)
            const header = message.headers?.[ENVELOPE_HEADER]
            return offset < from
              ? []
              : [{ offset, value: message.value ?? NOTHING, header: header === undefined || Array.isArray(header) ? NOTHING : header }]
          }),
        )
    } catch (error) {
      if (typeOf(error) !== 'OFFSET_OUT_OF_RANGE') {
        await cluster.refreshMetadata().catch(() => undefined)
        throw toLogError(error)
      }
      const { first } = (await bounds(topic))[partition]
      return first > from ? await fetchFrom(cluster, topic, partition, { from: first, maxBytes, waitMs }) : []
    }
  }
  const bounds = (topic: string): ReturnType<KafkaDriver['bounds']> =>
    asked(async () =>
      (await admin.fetchTopicOffsets(topic))
        .toSorted((a, b) => a.partition - b.partition)
        .map(({ low, high }) => ({ first: Number(low), end: Number(high) })),
    )

  const callsOf = (topic: string, groupId: string): GroupCalls => {
    const cluster = createGroupCluster()
    let coordinator: Promise<Broker> | null = null
    const find = async (): Promise<Broker> => {
      await cluster.connect()
      await cluster.refreshMetadata()
      return await cluster.findGroupCoordinator({ groupId })
    }
    const ask = async <T>(request: (to: Broker) => Promise<T>): Promise<T> => {
      try {
        return await request(await (coordinator ??= find()))
      } catch (error) {
        const verdict = VERDICTS[typeOf(error)]
        if (verdict !== undefined) throw new GroupError(verdict, String(error))
        coordinator = null
        throw toLogError(error)
      }
    }
    const metadata = MemberMetadata.encode({ version: 1, topics: [topic] })
    return {
      join: async (memberId) => {
        const joined = await ask((to) =>
          to.joinGroup({
            groupId,
            sessionTimeout: SESSION_MS,
            rebalanceTimeout: REBALANCE_MS,
            memberId,
            groupProtocols: [{ name: GROUP_PROTOCOL, metadata }],
          }),
        )
        const members = joined.leaderId === joined.memberId ? joined.members : []
        return {
          memberId: joined.memberId,
          generation: joined.generationId,
          members: members.map((one) => ({ memberId: one.memberId, name: one.groupInstanceId ?? one.memberId })),
        }
      },
      sync: async ({ generation, memberId }, plan) => {
        const groupAssignment = [...plan].map(([id, partitions]) => ({
          memberId: id,
          memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [topic]: partitions } }),
        }))
        const { memberAssignment } = await ask((to) => to.syncGroup({ groupId, generationId: generation, memberId, groupAssignment }))
        return MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []
      },
      heartbeat: async ({ generation, memberId }) => {
        await ask((to) => to.heartbeat({ groupId, groupGenerationId: generation, memberId }))
      },
      leave: async ({ memberId }) => {
        await ask((to) => to.leaveGroup({ groupId, memberId }))
      },
      commit: async ({ generation, memberId }, partition, offset, text) => {
        await ask((to) =>
          to.offsetCommit({
            groupId,
            groupGenerationId: generation,
            memberId,
            topics: [{ topic, partitions: [{ partition, offset: String(offset), metadata: text }] }],
          }),
        )
      },
      close: () => cluster.disconnect(),
    }
  }

  const peeking = createCluster()
  return {
    openTopic: async (settings) => {
      const topic = await topics.openTopic(settings)
      partitionCounts.set(settings.name, topic.partitions)
      return topic
    },
    bounds,
    send: async (topic, messages) => {
      try {
        const sent = await (
          await (producer ??= openProducer())
        ).sendBatch({
          acks: -1,
          timeout: SEND_MS,
          topicMessages: [
            {
              topic,
              messages: messages.map(({ partition, key, value, headers }) => ({
                partition,
                key,
                value: viewOf(value),
                headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, viewOf(bytes)])),
              })),
            },
          ],
        })
        return offsetsOf(
          messages,
          sent.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]),
        )
      } catch (error) {
        dropProducer()
        throw toSendError(error, (name) => name === typeOf(error))
      }
    },
    committed: (topic, group) =>
      asked(async () => {
        const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
        return Array.from({ length: partitionCounts.get(topic)! }, (_, partition) => {
          const one = partitions.find((other) => other.partition === partition)
          return one === undefined || Number(one.offset) < 0 ? null : { offset: Number(one.offset), metadata: one.metadata ?? '' }
        })
      }),
    peek: async (topic, partition, from) =>
      (await fetchFrom(peeking, topic, partition, { from, maxBytes: PEEK_BYTES, waitMs: 1 }))[0] ?? null,
    join: async (topic, group, work) =>
      runMembership(
        { partitions: partitionCounts.get(topic)!, times: GROUP_TIMES },
        {
          calls: callsOf(topic, group),
          logger,
          work: async (given) => {
            const cluster = createCluster()
            try {
              await work({ ...given, fetch: (request) => fetchFrom(cluster, topic, given.partition, request) })
            } finally {
              await cluster.disconnect()
            }
          },
        },
      ),
    close: async () => {
      await Promise.all([
        admin.disconnect(),
        peeking.disconnect(),
        topics.close(),
        producer?.then(
          (one) => one.disconnect(),
          () => undefined,
        ),
      ])
    },
  }
}
