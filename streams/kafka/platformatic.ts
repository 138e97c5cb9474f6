// The driver on @platformatic/kafka, the only file that imports it. Groups are joined by our own use of its requests: its consumer
// commits without metadata, and again under the next generation after it was fenced.
import {
  Admin,
  ConfigResourceTypes,
  ConnectionPool,
  crc32c,
  createAPI,
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  fetchV13,
  findErrorBy,
  FindCoordinatorKeyTypes,
  heartbeatV4,
  initProducerIdV4,
  joinGroupV9,
  leaveGroupV5,
  offsetCommitV8,
  produceV9,
  ProduceAcks,
  protocolErrorsCodesById,
  ResponseError,
  syncGroupV5,
  Writer,
  type BaseOptions,
  type Broker,
  type ClusterMetadata,
  type ConnectionOptions,
  type SASLOptions,
} from '@platformatic/kafka'
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { KafkaConfig } from './config.ts'
import {
  ENVELOPE_HEADER,
  type FetchRequest,
  type Incoming,
  type KafkaDriver,
  type Topic,
  type TopicPort,
  type TopicSettings,
} from './driver.ts'
import { GroupError, runMembership, type GroupCalls, type GroupLog, type Joined } from './group-protocol.ts'
import { createIdempotentSender, ProduceError, type Produced } from './idempotent-sender.ts'
import { NOTHING, offsetsOf, PEEK_BYTES, RETRY_MS, toLogError, toSendError, VERDICTS } from './outcomes.ts'
import { CONNECT_MS, GROUP_PROTOCOL, GROUP_TIMES, REBALANCE_MS, REPLICATE_MS, REQUEST_MS, SEND_MS, SESSION_MS } from './times.ts'

const EARLIEST = -2n
const LATEST = -1n
const SESSIONLESS = [0, -1] as const
const TOPIC_CONFIGS = ['retention.ms', 'retention.bytes', 'cleanup.policy', 'max.message.bytes']

const connectionOf = ({ tls, sasl }: KafkaConfig): ConnectionOptions => ({
  connectTimeout: CONNECT_MS,
  requestTimeout: REQUEST_MS,
  ...(tls === null ? {} : { tls: { ca: tls.ca ?? undefined, cert: tls.cert ?? undefined, key: tls.key ?? undefined } }),
  ...(sasl === null ? {} : { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } satisfies SASLOptions }),
})
const hasCode = (error: unknown, id: string): boolean => findErrorBy(error as Error, 'apiId', id) !== null
const tried = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    throw toLogError(error)
  }
}
type Batches = ReadonlyMap<number, Buffer>
/** Produce (version 9, which every broker from 2.8 on takes) of batches that are encoded already. What was wrong with one is part of the answer. */
const produce = createAPI<[topic: string, batches: Batches], produceV9.ProduceResponse>(
  produceV9.api.key,
  produceV9.api.version,
  (topic: string, batches: Batches) =>
    Writer.create()
      .appendString(null)
      .appendInt16(ProduceAcks.ALL)
      .appendInt32(REPLICATE_MS)
      .appendArray([topic], (to) =>
        to.appendString(topic).appendArray([...batches], (one, [partition, batch]) => {
          one
            .appendInt32(partition)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch)
        }),
      )
      .appendTaggedFields(),
  (...parsed) => {
    try {
      return produceV9.parseResponse(...parsed)
    } catch (error) {
      if (error instanceof ResponseError) return (error as unknown as { response: produceV9.ProduceResponse }).response
      throw error
    }
  },
)
const toHex = (uuid: string): string => uuid.replaceAll('-', '')

export const openPlatformaticDriver = (config: KafkaConfig, logger: GroupLog): KafkaDriver & TopicPort => {
  const connection = connectionOf(config)
  const base: BaseOptions = {
    clientId: config.clientId,
    bootstrapBrokers: [...config.brokers],
    ...connection,
    timeout: REQUEST_MS,
    retries: 2,
    retryDelay: 250,
    metadataMaxAge: 60_000,
  }
  const admin = new Admin(base)
  /** Of the topic as it was opened. */
  const ids = new Map<string, string>()
  const metadataOf = (topic: string): Promise<ClusterMetadata> => admin.metadata({ topics: [topic], autocreateTopics: false })
  /** Positions of one log must never come from another: what is stored under them would be taken for stored already. */
  const assertId = (topic: string, id: string | undefined): void => {
    if (ids.get(topic) !== id)
      throw new PermanentError(
        'LOG_CORRUPT',
        `KAFKA_TOPIC: ${topic} was deleted and made again: a process that reads it must be started anew`,
      )
  }
  const brokerOf = async (topic: string, partition: number): Promise<{ broker: Broker; topicId: string }> => {
    const metadata = await metadataOf(topic)
    const { id, partitions } = metadata.topics.get(topic)!
    const broker = metadata.brokers.get(partitions[partition].leader)
    if (broker === undefined) throw new TransientError('LOG_IO', `partition ${partition} of ${topic} has no leader`)
    return { broker, topicId: id }
  }
  const leaderOf = async (topic: string, partition: number): ReturnType<typeof brokerOf> => {
    const leader = await brokerOf(topic, partition)
    assertId(topic, leader.topicId)
    return leader
  }

  /** With three copies or more, acknowledged is never on one disk alone. */
  const createTopic = async ({ name, partitions, replication, retentionMs, maxMessageBytes }: TopicSettings): Promise<void> => {
    const configs = Object.entries({
      'retention.ms': retentionMs,
      'max.message.bytes': maxMessageBytes,
      'message.timestamp.type': 'LogAppendTime',
      ...(replication > 2 ? { 'min.insync.replicas': 2 } : {}),
    }).map(([key, value]) => ({ name: key, value: String(value) }))
    await admin.createTopics({ topics: [{ topic: name, partitions, replicas: replication }], configs }).catch((error: unknown) => {
      if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error
    })
  }
  const describeTopic = async (name: string): Promise<Topic> => {
    const [metadata, [{ configs }]] = await Promise.all([
      metadataOf(name),
      admin.describeConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: TOPIC_CONFIGS }],
      }),
    ])
    const text = (key: string): string | null => configs.find((one) => one.name === key)?.value ?? null
    const setting = (key: string): number => Number(text(key) ?? -1)
    /** Without a bound it is -1. */
    const bound = (key: string): number => (setting(key) < 0 ? Infinity : setting(key))
    const { id, partitionsCount } = metadata.topics.get(name)!
    ids.set(name, id)
    return {
      id: toHex(id),
      partitions: partitionsCount,
      retentionMs: bound('retention.ms'),
      retentionBytes: bound('retention.bytes'),
      isCompacted: text('cleanup.policy')?.includes('compact') === true,
      maxMessageBytes: setting('max.message.bytes'),
    }
  }
  const openTopic = (settings: TopicSettings): Promise<Topic> =>
    tried(async () => {
      const names = await admin.listTopics()
      if (!names.includes(settings.name)) await createTopic(settings)
      // A topic that was made a moment ago is not known everywhere, and its leaders may not know that they are.
      for (let attempt = 1; ; attempt++) {
        try {
          const topic = await describeTopic(settings.name)
          await bounds(settings.name)
          return topic
        } catch (error) {
          if (attempt === 20) throw error
          admin.clearMetadata()
          await new Promise((resolve) => setTimeout(resolve, 250))
        }
      }
    })

  const fetchFrom = async (
    pool: ConnectionPool,
    topic: string,
    partition: number,
    { from, maxBytes, waitMs }: FetchRequest,
  ): Promise<readonly Incoming[]> => {
    try {
      const { broker, topicId } = await leaderOf(topic, partition)
      const wanted = [
        {
          topicId,
          partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset: BigInt(from), lastFetchedEpoch: -1, partitionMaxBytes: maxBytes }],
        },
      ]
      const response = await fetchV13.api.async(await pool.get(broker), waitMs, 1, maxBytes, 0, ...SESSIONLESS, wanted, [], '')
      return response.responses
        .flatMap((one) => one.partitions)
        .flatMap(({ records }) =>
          (records ?? []).flatMap((batch) =>
            batch.records.flatMap((record): Incoming[] => {
              const offset = Number(batch.firstOffset) + record.offsetDelta
              const header = record.headers.find(([key]) => key?.toString() === ENVELOPE_HEADER)?.[1]
              return offset < from ? [] : [{ offset, value: record.value ?? NOTHING, header: header ?? NOTHING }]
            }),
          ),
        )
    } catch (error) {
      // Leadership may have moved, or the broker be gone.
      admin.clearMetadata()
      if (!hasCode(error, 'OFFSET_OUT_OF_RANGE')) throw toLogError(error)
      const { first } = (await bounds(topic))[partition]
      return first > from ? await fetchFrom(pool, topic, partition, { from: first, maxBytes, waitMs }) : []
    }
  }

  const bounds = (topic: string): ReturnType<KafkaDriver['bounds']> =>
    tried(async () => {
      const count = (await metadataOf(topic)).topics.get(topic)!.partitionsCount
      const list = async (timestamp: bigint): Promise<number[]> => {
        const [{ partitions }] = await admin.listOffsets({
          topics: [{ name: topic, partitions: Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp })) }],
        })
        return partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ offset }) => Number(offset))
      }
      const [firsts, ends] = await Promise.all([list(EARLIEST), list(LATEST)])
      return firsts.map((first, partition) => ({ first, end: ends[partition] }))
    })

  const callsOf = (topic: string, groupId: string): GroupCalls => {
    // A request to join waits for the whole group.
    const pool = new ConnectionPool(config.clientId, { ...connection, requestTimeout: REBALANCE_MS + CONNECT_MS })
    const { instanceId } = config
    let coordinator: Promise<Broker> | null = null
    const find = async (): Promise<Broker> => {
      const [found] = await admin.findCoordinator({ keyType: FindCoordinatorKeyTypes.GROUP, keys: [groupId] })
      return { host: found.host, port: found.port }
    }
    /** Asks the coordinator, found anew after a failure that no verdict of the group explains. */
    const ask = async <T>(request: (to: Awaited<ReturnType<ConnectionPool['get']>>) => Promise<T>): Promise<T> => {
      try {
        return await request(await pool.get(await (coordinator ??= find())))
      } catch (error) {
        const verdict = Object.entries(VERDICTS).find(([name]) => hasCode(error, name))?.[1]
        if (verdict !== undefined) throw new GroupError(verdict, String(error))
        if (!hasCode(error, 'MEMBER_ID_REQUIRED')) coordinator = null
        throw error
      }
    }
    const subscription = encodeConsumerProtocolSubscription({ version: 1, topics: [topic] })
    const joinAs = async (memberId: string): Promise<Joined> => {
      const response = await ask((to) =>
        joinGroupV9.api.async(to, groupId, SESSION_MS, REBALANCE_MS, memberId, instanceId, 'consumer', [
          { name: GROUP_PROTOCOL, metadata: subscription },
        ]),
      )
      // A static member that comes back may find its group as it left it: nobody assigns anew then.
      const members = response.leader === response.memberId && !response.skipAssignment ? response.members : []
      return {
        memberId: response.memberId,
        generation: response.generationId,
        members: members.map((one) => ({ memberId: one.memberId, name: one.groupInstanceId ?? one.memberId })),
      }
    }
    return {
      join: async (memberId) => {
        try {
          return await joinAs(memberId)
        } catch (error) {
          const given = findErrorBy(error as Error, 'apiId', 'MEMBER_ID_REQUIRED')?.memberId as string | undefined
          if (given === undefined) throw error
          return await joinAs(given)
        }
      },
      sync: async ({ generation, memberId }, plan) => {
        const assignments = [...plan].map(([id, partitions]) => ({
          memberId: id,
          assignment: encodeConsumerProtocolAssignment({ version: 1, assignedPartitions: [{ topic, partitions: [...partitions] }] }),
        }))
        const { assignment } = await ask((to) =>
          syncGroupV5.api.async(to, groupId, generation, memberId, instanceId, 'consumer', GROUP_PROTOCOL, assignments),
        )
        return assignment.length === 0
          ? []
          : decodeConsumerProtocolAssignment(assignment).assignedPartitions.flatMap((one) => (one.topic === topic ? one.partitions : []))
      },
      heartbeat: async ({ generation, memberId }) => {
        await ask((to) => heartbeatV4.api.async(to, groupId, generation, memberId, instanceId))
      },
      leave: async ({ memberId }) => {
        await ask((to) => leaveGroupV5.api.async(to, groupId, [{ memberId, groupInstanceId: instanceId }]))
      },
      close: () => pool.close(),
      commit: async ({ generation, memberId }, partition, offset, metadata) => {
        const partitions = [
          { partitionIndex: partition, committedOffset: BigInt(offset), committedLeaderEpoch: -1, committedMetadata: metadata },
        ]
        await tried(() =>
          ask((to) => offsetCommitV8.api.async(to, groupId, generation, memberId, instanceId, [{ name: topic, partitions }])),
        )
      },
    }
  }

  let asked = 0
  const producing = new ConnectionPool(config.clientId, connection)
  const sender = createIdempotentSender<Broker>(
    { retryMs: RETRY_MS, giveUpMs: SEND_MS },
    {
      // Of bytes it makes a copy, of its own kind of buffer none.
      crc32c: (bytes) => crc32c(Writer.create().append(bytes).dynamicBuffer),
      newProducer: async () => {
        const brokers = [...(await admin.metadata({ topics: [] })).brokers.values()]
        // Each time another one first: one that hangs is passed over by the next attempt.
        const first = asked++ % brokers.length
        const to = await producing.getFirstAvailable([...brokers.slice(first), ...brokers.slice(0, first)])
        return await initProducerIdV4.api.async(to, null, REQUEST_MS)
      },
      leaderOf: async (topic, partition) => (await brokerOf(topic, partition)).broker,
      nameOf: ({ host, port }) => `${host}:${port}`,
      forgetLeaders: () => admin.clearMetadata(),
      produce: async (broker, topic, batches) => {
        const established = producing.getEstablishedConnection(broker)
        const to = established?.isConnected() === true ? established : await producing.get(broker)
        const { responses } = await produce.async(to, topic, batches)
        return new Map(
          responses
            .flatMap((one) => one.partitionResponses)
            .map(({ index, errorCode, baseOffset }): [number, Produced] => [
              index,
              errorCode === 0 ? { offset: Number(baseOffset) } : { error: protocolErrorsCodesById[errorCode] ?? String(errorCode) },
            ]),
        )
      },
    },
  )

  const peeking = new ConnectionPool(config.clientId, connection)
  return {
    openTopic,
    bounds,
    assertSame: (topic) =>
      tried(async () => {
        assertId(topic, (await admin.metadata({ topics: [topic], autocreateTopics: false, forceUpdate: true })).topics.get(topic)?.id)
      }),
    send: async (topic, messages) => {
      const { firsts, error } = await sender.send(topic, messages)
      if (error !== null && firsts.size === 0) throw toSendError(error, (name) => error instanceof ProduceError && error.kafkaName === name)
      return offsetsOf(messages, firsts)
    },
    committed: (topic, group) =>
      tried(async () => {
        const count = (await metadataOf(topic)).topics.get(topic)!.partitionsCount
        const wanted = Array.from({ length: count }, (_, partition) => partition)
        const [found] = await admin.listConsumerGroupOffsets({
          groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: wanted }] }],
        })
        const partitions = new Map(found.topics.flatMap((one) => one.partitions).map((one) => [one.partitionIndex, one]))
        return wanted.map((partition) => {
          const one = partitions.get(partition)
          return one === undefined || one.committedOffset < 0n
            ? null
            : { offset: Number(one.committedOffset), metadata: one.metadata ?? '' }
        })
      }),
    peek: async (topic, partition, from) =>
      (await fetchFrom(peeking, topic, partition, { from, maxBytes: PEEK_BYTES, waitMs: 0 }))[0] ?? null,
    join: (topic, group, work) =>
      tried(async () => {
        const partitions = (await metadataOf(topic)).topics.get(topic)!.partitionsCount
        return runMembership(
          { partitions, times: GROUP_TIMES },
          {
            calls: callsOf(topic, group),
            logger,
            work: async (given) => {
              // A connection of its own: a fetch that waits holds up what comes behind it.
              const pool = new ConnectionPool(config.clientId, connection)
              try {
                await work({ ...given, fetch: (request) => fetchFrom(pool, topic, given.partition, request) })
              } finally {
                await pool.close()
              }
            },
          },
        )
      }),
    close: async () => {
      await Promise.all([admin.close(), producing.close(), peeking.close()])
    },
  }
}
