// Kafka as the event log, when it has brokers.
import { SASL_MECHANISMS, type KafkaConfig, type KafkaSasl, type KafkaTls } from '../streams/kafka/config.ts'
import type { Settings } from './settings.ts'

const HOUR_MS = 3_600_000
const MiB = 1024 * 1024
const BROKER = /^(\[[0-9a-fA-F:]+\]|[^:[\]\s]+):\d{1,5}$/

const readTls = ({ choice, secret }: Settings): KafkaTls | null => {
  const tls: KafkaTls = { ca: secret('KAFKA_TLS_CA', 0), cert: secret('KAFKA_TLS_CERT', 0), key: secret('KAFKA_TLS_KEY', 0) }
  const given = Object.values(tls).some((one) => one !== null)
  return choice('KAFKA_TLS', ['on', 'off'] as const, given ? 'on' : 'off') === 'on' ? tls : null
}
const readSasl = ({ text, choice, secret, problems }: Settings): KafkaSasl | null => {
  if (text('KAFKA_SASL_MECHANISM') === null) return null
  const [username, password] = [text('KAFKA_SASL_USERNAME'), secret('KAFKA_SASL_PASSWORD', 1)]
  if (username === null) problems.push('KAFKA_SASL_USERNAME: must be set beside KAFKA_SASL_MECHANISM')
  if (password === null)
    problems.push('KAFKA_SASL_PASSWORD: must be set beside KAFKA_SASL_MECHANISM, itself or as KAFKA_SASL_PASSWORD_FILE')
  return { mechanism: choice('KAFKA_SASL_MECHANISM', SASL_MECHANISMS, 'PLAIN'), username: username ?? '', password: password ?? '' }
}

/** Null without KAFKA_BROKERS. */
export const readKafka = (settings: Settings): KafkaConfig | null => {
  const { text, list, wrong, number, bytes } = settings
  const brokers = list('KAFKA_BROKERS')
  if (brokers.length === 0) {
    if (text('KAFKA_BROKERS') !== null) wrong('KAFKA_BROKERS', text('KAFKA_BROKERS')!, 'host:port, several with commas between')
    return null
  }
  for (const broker of brokers) if (!BROKER.test(broker)) wrong('KAFKA_BROKERS', broker, 'host:port, several with commas between')
  const topic = text('KAFKA_TOPIC') ?? 'lapwing.events'
  if (!/^[\w.-]{1,200}$/.test(topic)) wrong('KAFKA_TOPIC', topic, 'a topic of letters, digits, dots, dashes and underscores')
  return {
    brokers,
    topic,
    client: settings.choice('KAFKA_CLIENT', ['platformatic', 'kafkajs'] as const, 'platformatic'),
    clientId: 'lapwing',
    partitions: Math.floor(number('KAFKA_PARTITIONS', 8, 1, 1000)),
    replication: Math.floor(number('KAFKA_REPLICATION', 1, 1, 15)),
    retentionMs: number('KAFKA_RETENTION_HOURS', 168, 24, 24 * 3650) * HOUR_MS,
    maxMessageBytes: bytes('KAFKA_MAX_MESSAGE_BYTES', 21 * MiB, 65_536),
    instanceId: text('LAPWING_INSTANCE_ID'),
    tls: readTls(settings),
    sasl: readSasl(settings),
  }
}
