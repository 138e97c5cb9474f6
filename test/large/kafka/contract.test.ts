// Kafka against the event log's contract, through each client.
import { describeEventLog } from '../../contract/event-log-contract.ts'
import { CLIENTS, configOf, openLog } from './log.ts'

for (const client of CLIENTS) {
  describeEventLog(
    `Kafka, ${client}`,
    async () => {
      const config = configOf(client)
      // The broker goes with its topics at the end of the suite.
      return { open: () => openLog(config), remove: async () => undefined }
    },
    { retains: false },
  )
}
