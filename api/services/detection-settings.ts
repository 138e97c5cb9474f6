// How series are judged: what was set for a service or one of its metrics, what holds for a series, and where each part comes from.
import { ownDirectionOf, type Side } from '../../streams/contracts/detection.ts'
import { apiError } from '../errors.ts'
import type { Sql, Store } from '../store/store.ts'
import { appendAudit, type Actor } from './audit.ts'
import { ruleOf, type NoiseMarks, type Setting } from './detection-rules.ts'

/** Metric null: the whole service. */
export interface SettingKey {
  readonly service: string
  readonly metric: string | null
}
export interface KeptSetting extends SettingKey, Setting {
  readonly updatedAt: string
}
type From = 'series' | 'service' | 'default'
export interface Effective {
  readonly sensitivity: { readonly value: number; readonly from: From }
  readonly direction: { readonly value: Side | null; readonly from: From }
  readonly ignored: { readonly value: boolean; readonly from: From }
  readonly noiseMarks: NoiseMarks
  /** Times the detector's own threshold, by side. */
  readonly thresholdFactor: NoiseMarks
}

export interface DetectionSettings {
  list(tenant: string): Promise<KeptSetting[]>
  /** What was set here, and nowhere else; null when nothing was. */
  find(tenant: string, key: SettingKey): Promise<KeptSetting | null>
  effective(tenant: string, key: SettingKey): Promise<Effective>
  put(tenant: string, key: SettingKey, setting: Setting, actor: Actor): Promise<KeptSetting>
  /** @throws ApiError NOT_FOUND. */
  remove(tenant: string, key: SettingKey, actor: Actor): Promise<void>
}

interface Row {
  service: string
  metric: string
  sensitivity: number | null
  direction: Side | null
  ignored: boolean | null
  updated_at: Date
}
const toKept = (row: Row): KeptSetting => ({
  service: row.service,
  metric: row.metric === '' ? null : row.metric,
  sensitivity: row.sensitivity,
  direction: row.direction,
  ignored: row.ignored,
  updatedAt: row.updated_at.toISOString(),
})
const resourceOf = ({ service, metric }: SettingKey): string => `detection:${service}${metric === null ? '' : `/${metric}`}`
const fieldsOf = (kept: KeptSetting | null): Setting => ({
  sensitivity: kept?.sensitivity ?? null,
  direction: kept?.direction ?? null,
  ignored: kept?.ignored ?? null,
})

export const createDetectionSettings = (store: Store): DetectionSettings => {
  const findIn = async (sql: Sql, tenant: string, { service, metric }: SettingKey): Promise<KeptSetting | null> => {
    const [row] = await sql.query<Row>(
      'SELECT service, metric, sensitivity, direction, ignored, updated_at FROM detection_settings WHERE tenant = $1 AND service = $2 AND metric = $3',
      [tenant, service, metric ?? ''],
    )
    return row === undefined ? null : toKept(row)
  }
  const marksOf = async (tenant: string, { service, metric }: SettingKey): Promise<NoiseMarks> =>
    (
      await store.query<{ up: number; down: number }>(
        `SELECT count(*) FILTER (WHERE direction = 1)::int AS up, count(*) FILTER (WHERE direction = -1)::int AS down FROM anomaly_feedback
     WHERE tenant = $1 AND service = $2 AND metric = $3 AND verdict = 'noise'`,
        [tenant, service, metric ?? ''],
      )
    )[0]
  return {
    list: async (tenant) =>
      (
        await store.query<Row>(
          'SELECT service, metric, sensitivity, direction, ignored, updated_at FROM detection_settings WHERE tenant = $1 ORDER BY service, metric',
          [tenant],
        )
      ).map(toKept),
    find: (tenant, key) => findIn(store, tenant, key),
    effective: async (tenant, key) => {
      const [own, ofService, noiseMarks] = await Promise.all([
        key.metric === null ? null : findIn(store, tenant, key),
        findIn(store, tenant, { ...key, metric: null }),
        marksOf(tenant, key),
      ])
      const rule = ruleOf(fieldsOf(own), fieldsOf(ofService), noiseMarks)
      const from = (field: keyof Setting): From =>
        fieldsOf(own)[field] !== null ? 'series' : fieldsOf(ofService)[field] !== null ? 'service' : 'default'
      const thresholdFactor = { up: rule.noiseFactor.up / rule.sensitivity, down: rule.noiseFactor.down / rule.sensitivity }
      return {
        sensitivity: { value: rule.sensitivity, from: from('sensitivity') },
        direction: { value: rule.direction ?? (key.metric === null ? null : ownDirectionOf(key.metric)), from: from('direction') },
        ignored: { value: rule.ignored, from: from('ignored') },
        noiseMarks,
        thresholdFactor,
      }
    },
    put: (tenant, key, setting, actor) =>
      store.transaction(async (sql) => {
        const before = fieldsOf(await findIn(sql, tenant, key))
        await sql.query(
          `INSERT INTO detection_settings (tenant, service, metric, sensitivity, direction, ignored, updated_at) VALUES ($1, $2, $3, $4, $5, $6, now())
         ON CONFLICT (tenant, service, metric) DO UPDATE SET sensitivity = excluded.sensitivity, direction = excluded.direction, ignored = excluded.ignored, updated_at = excluded.updated_at`,
          [tenant, key.service, key.metric ?? '', setting.sensitivity, setting.direction, setting.ignored],
        )
        const changed = (Object.keys(setting) as (keyof Setting)[]).filter((field) => setting[field] !== before[field])
        await appendAudit(sql, actor, {
          tenant,
          action: 'SET_DETECTION',
          resource: resourceOf(key),
          diff: Object.fromEntries(changed.map((field) => [field, { from: before[field], to: setting[field] }])),
        })
        return (await findIn(sql, tenant, key))!
      }),
    remove: (tenant, key, actor) =>
      store.transaction(async (sql) => {
        const before = await findIn(sql, tenant, key)
        if (before === null) throw apiError('NOT_FOUND', `nothing is set for ${resourceOf(key).slice('detection:'.length)}`)
        await sql.query('DELETE FROM detection_settings WHERE tenant = $1 AND service = $2 AND metric = $3', [
          tenant,
          key.service,
          key.metric ?? '',
        ])
        await appendAudit(sql, actor, { tenant, action: 'RESET_DETECTION', resource: resourceOf(key), snapshot: { ...fieldsOf(before) } })
      }),
  }
}
