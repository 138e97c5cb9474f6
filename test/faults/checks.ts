// After a round: what must be true of anomalies, incidents, changes and caps, each in words when it is not.
import type { Cluster } from '../cluster/cluster.ts'
import type { Receiver } from './receiver.ts'

interface Incident {
  readonly id: string
  readonly status: string
  readonly services: readonly string[]
  readonly signals: readonly {
    readonly id: string
    readonly service: string
    readonly summary: string
    readonly startedAt: string
    readonly endedAt?: string
  }[]
  readonly updates: readonly { readonly status?: string; readonly by: string }[]
}

const get = async <Page>(cluster: Cluster, path: string): Promise<Page> => {
  const response = await cluster.api(path)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Page
}

export const incidentsOf = async (cluster: Cluster, service: string): Promise<Incident[]> => {
  const found: Incident[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: { incidents: Incident[]; nextCursor?: string } = await get(
      cluster,
      `/api/v1/incidents?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    )
    found.push(...page.incidents.filter((incident) => incident.services.includes(service)))
    cursor = page.nextCursor
  }
  return found
}

/** One alert that fired once and ended once is one anomaly and one incident, opened and resolved once, and told of as often. */
export const checkAlert = async (cluster: Cluster, receiver: Receiver, service: string): Promise<string[]> => {
  const anomalies = await cluster.select<{ anomaly_id: string; resolved: number }>(
    `SELECT anomaly_id, resolved FROM anomalies FINAL WHERE service_id = '${service}'`,
  )
  const incidents = await incidentsOf(cluster, service)
  const found: string[] = []
  if (anomalies.length !== 1 || anomalies[0].resolved !== 1) found.push(`${service}: anomalies ${JSON.stringify(anomalies)}`)
  if (incidents.length !== 1 || incidents[0].status !== 'resolved')
    found.push(`${service}: incidents ${JSON.stringify(incidents.map(({ id, status }) => ({ id, status })))}`)
  for (const { id, signals, updates } of incidents) {
    if (signals.length !== 1) found.push(`${id}: ${signals.length} signals`)
    const events = receiver.eventsOf(id)
    if (events['incident.opened'] !== 1 || events['incident.resolved'] !== 1) found.push(`${id}: told of ${JSON.stringify(events)}`)
    if (updates.filter((update) => update.status === 'resolved').length > 1) found.push(`${id}: resolved more than once`)
  }
  return found
}

export const checkHeart = async (cluster: Cluster, monitorId: string): Promise<string[]> => {
  const incidents = await incidentsOf(cluster, 'heart')
  const { status } = await get<{ status: string }>(cluster, `/api/v1/monitors/${monitorId}`)
  return [
    ...incidents.map(({ id }) => `incident ${id}: a heartbeat that came was missed`),
    ...(status === 'up' ? [] : [`the heart is ${status}`]),
  ]
}

const monitorNames = async (cluster: Cluster): Promise<string[]> =>
  (await get<{ monitors: { name: string }[] }>(cluster, '/api/v1/monitors')).monitors.map(({ name }) => name)

export const checkChanges = async (cluster: Cluster, names: readonly string[]): Promise<string[]> => {
  const present = await monitorNames(cluster)
  return names.flatMap((name) => {
    const times = present.filter((one) => one === name).length
    return times === 1 ? [] : [`${name} was made ${times} times`]
  })
}

export const checkCap = async (
  cluster: Cluster,
  { prefix, cap, told }: { readonly prefix: string; readonly cap: number; readonly told: number },
): Promise<string[]> => {
  const made = (await monitorNames(cluster)).filter((name) => name.startsWith(prefix)).length
  return [
    ...(made > cap ? [`${prefix}: ${made} changes under a cap of ${cap}`] : []),
    ...(told > made ? [`${prefix}: ${told} were told and ${made} made`] : []),
  ]
}
