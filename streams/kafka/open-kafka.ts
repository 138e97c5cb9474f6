// Configuration → the event log on Kafka, through the client that it names.
import type { EventLog } from '../contracts/event-log.ts'
import type { KafkaConfig } from './config.ts'
import type { GroupLog } from './group-protocol.ts'
import { openKafkaLog } from './kafka-log.ts'
import type { KafkaDriver } from './driver.ts'
import { openPlatformaticDriver } from './platformatic.ts'

const openDriver = async (config: KafkaConfig, logger: GroupLog): Promise<KafkaDriver> => {
  const driver = openPlatformaticDriver(config, logger)
  // Only who asks for it pays for loading it.
  return config.client === 'platformatic' ? driver : (await import('./kafkajs.ts')).openKafkajsDriver(config, { logger, topics: driver })
}

export const openKafka = async (config: KafkaConfig & { readonly maxPendingBytes?: number }, logger: GroupLog): Promise<EventLog> => {
  const driver = await openDriver(config, logger)
  try {
    return await openKafkaLog(config, { driver, logger })
  } catch (error) {
    await driver.close()
    throw error
  }
}
