// What people say of an anomaly: noise raises the threshold of its series on its side, anything else takes that back.
import { apiError } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { factorOf } from './detection-rules.ts'

export type FeedbackVerdict = 'noise' | 'real'
export interface FeedbackSeries {
  readonly service: string
  readonly metric: string
  readonly direction: number
}
export interface Feedback {
  readonly verdict: FeedbackVerdict
  readonly note: string | null
  readonly author: string
  readonly at: string
}
/** Of the series, on the side of the anomaly. */
export interface NoiseEffect {
  readonly marks: number
  readonly factor: number
}

export interface AnomalyFeedback {
  find(tenant: string, anomalyId: string): Promise<Feedback | null>
  effect(tenant: string, series: FeedbackSeries): Promise<NoiseEffect>
  give(
    tenant: string,
    anomalyId: string,
    series: FeedbackSeries,
    said: { readonly verdict: FeedbackVerdict; readonly note?: string },
    actor: Actor,
  ): Promise<Feedback>
  /** @throws ApiError NOT_FOUND. */
  takeBack(tenant: string, anomalyId: string, actor: Actor): Promise<void>
}

interface Row {
  verdict: FeedbackVerdict
  note: string | null
  author: string
  at: Date
}

export const createAnomalyFeedback = (store: Store): AnomalyFeedback => {
  const findIn = async (sql: Sql, tenant: string, anomalyId: string): Promise<Feedback | null> => {
    const [row] = await sql.query<Row>('SELECT verdict, note, author, at FROM anomaly_feedback WHERE tenant = $1 AND anomaly_id = $2', [
      tenant,
      anomalyId,
    ])
    return row === undefined ? null : { ...row, at: row.at.toISOString() }
  }
  return {
    find: (tenant, anomalyId) => findIn(store, tenant, anomalyId),
    effect: async (tenant, { service, metric, direction }) => {
      const [{ marks }] = await store.query<{ marks: number }>(
        "SELECT count(*)::int AS marks FROM anomaly_feedback WHERE tenant = $1 AND service = $2 AND metric = $3 AND direction = $4 AND verdict = 'noise'",
        [tenant, service, metric, direction],
      )
      return { marks, factor: factorOf(marks) }
    },
    give: (tenant, anomalyId, { service, metric, direction }, { verdict, note }, actor) =>
      store.transaction(async (sql) => {
        const before = await findIn(sql, tenant, anomalyId)
        await sql.query(
          `INSERT INTO anomaly_feedback (tenant, anomaly_id, service, metric, direction, verdict, note, author, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
         ON CONFLICT (tenant, anomaly_id) DO UPDATE SET verdict = excluded.verdict, note = excluded.note, author = excluded.author, at = excluded.at`,
          [tenant, anomalyId, service, metric, direction, verdict, note ?? null, actor.agentId ?? actor.email],
        )
        await appendAudit(sql, actor, {
          tenant,
          action: 'GIVE_ANOMALY_FEEDBACK',
          resource: `anomaly:${anomalyId}`,
          diff: { verdict: { from: before?.verdict ?? null, to: verdict } },
        })
        return (await findIn(sql, tenant, anomalyId))!
      }),
    takeBack: (tenant, anomalyId, actor) =>
      store.transaction(async (sql) => {
        const before = await findIn(sql, tenant, anomalyId)
        if (before === null) throw apiError('NOT_FOUND', `nobody said anything about ${anomalyId}`)
        await sql.query('DELETE FROM anomaly_feedback WHERE tenant = $1 AND anomaly_id = $2', [tenant, anomalyId])
        await appendAudit(sql, actor, {
          tenant,
          action: 'TAKE_BACK_ANOMALY_FEEDBACK',
          resource: `anomaly:${anomalyId}`,
          diff: { verdict: { from: before.verdict, to: null } },
        })
      }),
  }
}
