// What a process says of itself to the others: plain figures, as JSON.
import type { Consumer, ConsumerStats } from '../analytics/consumer.ts'
import type { WatchdogShards } from '../analytics/watchdog/shards.ts'
import type { IngestStats } from '../ingest/metrics.ts'
import type { StoreRetention, StoreRetentionStats } from './store-retention.ts'

export interface Analysed {
  readonly failing: ConsumerStats['failing']
  readonly poison: ConsumerStats['poison']
  readonly partitions: number
  readonly watchdog: ReturnType<WatchdogShards['stats']>
  readonly retention: StoreRetentionStats
}
export interface Figures {
  readonly ingest?: Pick<IngestStats, 'logTakesMarks'>
  readonly analysis?: Analysed
}

interface Parts {
  readonly ingest: (() => Promise<Pick<IngestStats, 'logTakesMarks'> | null>) | null
  readonly analysis: { readonly consumer: Consumer; readonly watchdog: WatchdogShards; readonly retention: StoreRetention } | null
}

/** Of this process; a part that it does not have, or that is dead, is absent. */
export const figuresOf = async ({ ingest, analysis }: Parts): Promise<Figures> => {
  const stats = (await ingest?.().catch(() => null)) ?? null
  if (analysis === null) return stats === null ? {} : { ingest: { logTakesMarks: stats.logTakesMarks } }
  const { failing, poison, assignedPartitions } = analysis.consumer.stats()
  return {
    ...(stats === null ? {} : { ingest: { logTakesMarks: stats.logTakesMarks } }),
    analysis: {
      failing,
      poison,
      partitions: assignedPartitions,
      watchdog: analysis.watchdog.stats(),
      retention: analysis.retention.stats(),
    },
  }
}
