// An hour and a half of one service's past, sent while something breaks: in it a surge that the detector must find, once. Every
// request is one bucket of event time, so that one that comes again after a lost answer is no surge of its own.
import type { Cluster } from '../cluster/cluster.ts'
import { addressesOf, bearer, insist, json } from './actors.ts'
import { incidentsOf } from './checks.ts'
import type { Receiver } from './receiver.ts'

const BUCKET_MS = 10_000
const BEFORE = 300
const SURGE = 30
const AFTER = 150
const USUAL = 6
const MORE = 60
/** Surges within a minute of each other are one trouble, and one within a quarter of an hour may join it. */
const APART_MS = 30 * 60_000
const DISTINCT = 48

/** @param turn those of different turns have nothing to do with each other. */
export const sendSurge = async (cluster: Cluster, service: string, turn: number): Promise<void> => {
  const buckets = BEFORE + SURGE + AFTER
  const startMs = Math.floor(Date.now() / BUCKET_MS) * BUCKET_MS - (buckets + 6) * BUCKET_MS - (turn % DISTINCT) * APART_MS
  const addresses = addressesOf(cluster, 'otlp')
  for (let bucket = 0; bucket < buckets; bucket++) {
    const isSurge = bucket >= BEFORE && bucket < BEFORE + SURGE
    // Not quite even: what never varies is no habit to go by.
    const records = (isSurge ? MORE : USUAL) + (bucket % 3) - 1
    const body = Array.from({ length: records }, (_, n) => ({
      timestamp: new Date(startMs + bucket * BUCKET_MS + Math.floor((n * BUCKET_MS) / records)).toISOString(),
      service,
      level: 'info',
      message: 'checked out a cart',
    }))
    const { status } = await insist(addresses, '/api/v1/logs/ingest', json(body, bearer(cluster.token)))
    if (status !== 200) throw new Error(`bucket ${bucket} of ${service} was answered ${status}`)
  }
}

/** One surge is one anomaly of each series that shows it, the rate of records among them, and one incident of all of them. */
export const checkSurge = async (cluster: Cluster, receiver: Receiver, service: string): Promise<string[]> => {
  const anomalies = await cluster.select<{ anomaly_id: string; metric_name: string; resolved: number }>(
    `SELECT anomaly_id, metric_name, resolved FROM anomalies FINAL WHERE service_id = '${service}' ORDER BY metric_name`,
  )
  const incidents = await incidentsOf(cluster, service)
  const metrics = anomalies.map((one) => one.metric_name)
  const found: string[] = []
  if (!metrics.includes('log.rate') || new Set(metrics).size !== metrics.length || anomalies.some((one) => one.resolved !== 1))
    found.push(`${service}: anomalies ${JSON.stringify(anomalies)}`)
  if (incidents.length !== 1 || incidents[0].status !== 'resolved')
    found.push(`${service}: incidents ${JSON.stringify(incidents.map(({ id, status }) => ({ id, status })))}`)
  for (const { id, signals } of incidents) {
    const [said, known] = [signals.map((one) => one.id), anomalies.map((one) => one.anomaly_id)].map((ids) => ids.sort().join())
    if (said !== known) found.push(`${id}: signals ${JSON.stringify(signals)}, anomalies ${JSON.stringify(anomalies)}`)
    const events = receiver.eventsOf(id)
    if (events['incident.opened'] !== 1 || events['incident.resolved'] !== 1) found.push(`${id}: told of ${JSON.stringify(events)}`)
  }
  return found
}
