// What the process's configuration says of Kafka.

export interface KafkaConfig {
  readonly brokers: readonly string[]
  readonly client: 'platformatic' | 'kafkajs'
  readonly clientId: string
  readonly topic: string
  /** Of a topic that we make; one that is there keeps its own. */
  readonly partitions: number
  readonly replication: number
  readonly retentionMs: number
  readonly maxMessageBytes: number
  /** Static membership under this name: two workers with one name fence each other. Null: none. */
  readonly instanceId: string | null
  readonly tls: KafkaTls | null
  readonly sasl: KafkaSasl | null
}
/** PEM texts; null = what the system has, or none. */
export interface KafkaTls {
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}
export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export interface KafkaSasl {
  readonly mechanism: (typeof SASL_MECHANISMS)[number]
  readonly username: string
  readonly password: string
}
