// What a machine lacks for a cluster of real servers. Kafka needs Java and Maven, PostgreSQL its binaries; ClickHouse comes with npm.
import { findPostgresBinaries } from '../support/postgres-server.ts'
import { missingForKafka } from '../support/kafka-broker.ts'

/** In words; null when everything is there. */
export const missingForCluster = (): string | null => {
  const missing = [missingForKafka(), findPostgresBinaries() === null ? 'no initdb and postgres' : null].filter((one) => one !== null)
  return missing.length === 0 ? null : missing.join(', ')
}
