// The pictures of a run, as the API draws them: the plainest anomaly of the broken service, and the incident.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from '../load/product.ts'
import { BROKEN, get, type Anomaly, type Incident, type Say } from './shop-day.ts'

/** Resolves to what is missing. */
export const savePictures = async (product: Product, incident: Incident, directory: string, say: Say): Promise<string[]> => {
  const { anomalies } = await get<{ anomalies: Anomaly[] }>(product, `/api/v1/anomalies?service_id=${BROKEN}`)
  const [plainest] = anomalies.toSorted((a, b) => b.z_score - a.z_score)
  if (plainest === undefined) return [`no anomaly of ${BROKEN} to draw`]
  mkdirSync(directory, { recursive: true })
  for (const [file, path] of [
    ['anomaly.svg', `/api/v1/anomalies/${plainest.anomaly_id}/plot.svg`],
    ['incident.svg', `/api/v1/incidents/${incident.id}/graph.svg`],
  ]) {
    const answer = await product.api(path)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    writeFileSync(join(directory, file), `${await answer.text()}\n`)
    say(`picture  ${join(directory, file)}: GET ${path}`)
  }
  return []
}
