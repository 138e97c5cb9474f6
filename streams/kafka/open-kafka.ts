// Configuration → the event log on Kafka, through the client that it names.
import type { EventLog } from '../contracts/event-log.ts'
import type { KafkaConfig } from './config.ts'
import type { GroupLog } from './group-protocol.ts'
import { openKafkaLog } from './kafka-log.ts'
import { openPlatformaticDriver } from './platformatic.ts'

export const openKafka = async (config: KafkaConfig & { readonly maxPendingBytes?: number }, logger: GroupLog): Promise<EventLog> => {
  const driver = openPlatformaticDriver(config, logger)
  try {
    return await openKafkaLog(config, { driver, logger })
  } catch (error) {
    await driver.close()
    throw error
  }
}
