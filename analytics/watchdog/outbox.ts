// What the watchdog has decided and not yet written: rows first, then signals in order of time. Everything in it may be
// repeated; a checkpoint is taken only while it is empty.
import type { ClickHouse } from '../../clickhouse/client.ts'
import { anomalyById } from '../../clickhouse/queries/anomalies.ts'
import { textOfTemplate } from '../../clickhouse/queries/log-patterns.ts'
import { templateOfMetric } from '../../streams/contracts/metric-value.ts'
import type { SignalSink } from '../../streams/contracts/signals.ts'
import { toAnomaly, toSeconds, type Opening } from './anomaly-row.ts'
import type { PointInsert, Resolution } from './close-buckets.ts'
import type { SeenRow } from './templates.ts'
import { createTogether } from './together.ts'

export type Neighbours = (tenant: string, service: string, atMs: number) => Promise<readonly string[]>
export interface Ending {
  readonly tenant: string
  readonly id: string
  readonly atMs: number
}
type Entry =
  | { readonly kind: 'opened'; readonly atMs: number; readonly opening: Opening }
  | { readonly kind: 'resolved'; readonly atMs: number; readonly ending: Ending }

const CHUNK = 25_000

export interface Outbox {
  point(row: PointInsert): void
  seen(row: SeenRow): void
  opened(opening: Opening): void
  resolved(resolution: Resolution): void
  ended(ending: Ending): void
  size(): number
  /** Rows that no flush has taken yet. */
  waiting(): number
  /** Rows only; one at a time. */
  flushRows(): Promise<void>
  /** Stops at the first failure, which it throws; what was not written stays. */
  flush(): Promise<void>
}

export interface OutboxDeps {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>
  readonly signals: SignalSink
  readonly neighbours: Neighbours
}

export const createOutbox = ({ clickhouse, signals, neighbours }: OutboxDeps): Outbox => {
  const points: PointInsert[] = []
  const seen: SeenRow[] = []
  const entries: Entry[] = []
  const together = createTogether()

  let taken = 0
  /** Those that are there now; more may come meanwhile, behind them. */
  const drain = async (table: string, rows: object[]): Promise<void> => {
    for (let left = rows.length; left > 0;) {
      const chunk = rows.slice(0, Math.min(CHUNK, left))
      await clickhouse.insertRows({ table, rows: chunk })
      rows.splice(0, chunk.length)
      left -= chunk.length
      taken -= chunk.length
    }
  }
  const flushRows = async (): Promise<void> => {
    taken = points.length + seen.length
    try {
      await drain('seen_templates', seen)
      await drain('series_points', points)
    } finally {
      taken = 0
    }
  }
  const writeResolved = async ({ tenant, id, atMs }: Ending): Promise<void> => {
    const [row] = await clickhouse.query(anomalyById, { tenant, id })
    if (row !== undefined) {
      const { detected_at_ms, started_at_ms, resolved_at_ms: _, ...rest } = row
      await clickhouse.insertRows({
        table: 'anomalies',
        rows: [
          {
            ...rest,
            tenant,
            detected_at: toSeconds(Number(detected_at_ms)),
            started_at: toSeconds(Number(started_at_ms)),
            resolved: 1,
            resolved_at: toSeconds(atMs),
            version: Math.max(atMs, Number(detected_at_ms) + 1),
          },
        ],
      })
    }
    await signals.resolved({ tenant, kind: 'anomaly', id, endedAtMs: atMs })
  }
  /** Of the template that a series counts. */
  const textOf = async ({ tenant, service, metric }: Opening): Promise<string | null> => {
    const template = templateOfMetric(metric)?.template
    return template === undefined ? null : ((await clickhouse.query(textOfTemplate, { tenant, service, template })).at(0)?.text ?? null)
  }
  const send = async (entry: Entry): Promise<void> => {
    if (entry.kind === 'resolved') return writeResolved(entry.ending)
    const { row, signal } = toAnomaly({ ...entry.opening, template: await textOf(entry.opening) })
    await clickhouse.insertRows({ table: 'anomalies', rows: [row] })
    const near = await neighbours(signal.tenant, signal.service, entry.atMs).catch(() => [])
    await signals.opened({ ...signal, neighbours: [...new Set([...near, ...together.movedWith(entry.opening)])] })
  }
  return {
    point: (row) => {
      points.push(row)
    },
    seen: (row) => {
      seen.push(row)
    },
    opened: (opening) => {
      together.note(opening)
      entries.push({ kind: 'opened', atMs: opening.atMs, opening })
    },
    resolved: ({ tenant, anomaly, atMs }) => {
      entries.push({ kind: 'resolved', atMs, ending: { tenant, id: anomaly.id, atMs } })
    },
    ended: (ending) => {
      entries.push({ kind: 'resolved', atMs: ending.atMs, ending })
    },
    size: () => points.length + seen.length + entries.length,
    waiting: () => points.length + seen.length - taken,
    flushRows,
    flush: async () => {
      await flushRows()
      entries.sort((a, b) => a.atMs - b.atMs)
      while (entries.length > 0) {
        await send(entries[0])
        entries.shift()
      }
    },
  }
}
