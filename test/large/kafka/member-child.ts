// A member in a process of its own that commits every partition that it is given, ten times a second, and prints what came of it.
import type { KafkaConfig } from '../../../streams/kafka/config.ts'
import { openLog } from './log.ts'

const log = await openLog(JSON.parse(process.argv[2]) as KafkaConfig)
await log.join('analytics', async (assignment) => {
  // It does not ask whether the partition is lost: being fenced must be enough.
  for (let count = 0; ; count++) {
    const outcome = await assignment.commit({ offset: 1, open: [{ first: 1, last: 2 }], note: `of the child, ${count}` }).then(
      () => 'committed',
      (error: { code?: string }) => error.code ?? String(error),
    )
    process.stdout.write(`${assignment.partition} ${outcome}\n`)
    if (outcome === 'FENCED') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})
