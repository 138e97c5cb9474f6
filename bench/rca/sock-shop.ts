// Sock Shop (the set on which BARO, CIRCA and RCD were published): processor, memory, load and latency of 13 components each
// second, ten minutes a case, one component's processor or memory exhausted in the second half. The fault's time is not told:
// our own detector finds it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onsetOf, openingsOf } from '../../analytics/rca/onset.ts'
import type { Meaning, MeaningOf, ServiceSeries, Values } from '../../analytics/rca/series.ts'
import type { Case } from './case.ts'
import { parseTable } from './table.ts'

/** Shipped: WATCHDOG_Z_SCORE_THRESHOLD. */
const Z_THRESHOLD = 3

const RESOURCE: Meaning = { up: 'resource', down: null, count: false, adds: false }
const LATENCY: Meaning = { up: 'latency', down: null, count: false, adds: false }
const LOAD: Meaning = { up: 'traffic_rise', down: 'traffic_drop', count: false, adds: false }
const meaningOf: MeaningOf = (metric) =>
  metric === 'cpu' || metric === 'mem' ? RESOURCE : metric === 'lod' ? LOAD : metric.startsWith('lat_') ? LATENCY : null

const seriesOf = (folder: string): ServiceSeries[] => {
  const parts = ['normal.csv', 'anomalous.csv'].map((file) => parseTable(readFileSync(join(folder, file), 'utf8')))
  const services = new Map<string, Record<string, Values>>()
  for (const [i, name] of parts[0].head[0].entries()) {
    const [, service, metric] = /^(.+?)_(.+)$/.exec(name) ?? []
    if (service === undefined) continue
    const values = parts.flatMap(({ head: [names], column, times }) =>
      names.includes(name) ? column(names === parts[0].head[0] ? i : names.indexOf(name)) : times.map(() => null),
    )
    services.set(service, { ...services.get(service), [metric]: values })
  }
  return [...services].map(([service, metrics]) => ({ service, metrics }))
}

/** A case whose fault is not noticed has no symptom and no onset: it counts as missed. */
export const readSockShop = (directory: string): Case[] =>
  readdirSync(directory)
    .sort()
    .flatMap((fault) =>
      readdirSync(join(directory, fault))
        .sort()
        .map((run): Case => {
          const series = seriesOf(join(directory, fault, run))
          const found = onsetOf(openingsOf(series, meaningOf, { zThreshold: Z_THRESHOLD }))
          return {
            name: `${fault}/${run}`,
            truth: fault.replace(/-[a-z]+$/, ''),
            series,
            meaningOf,
            calls: [],
            moment: { onset: found?.index ?? 0, recentFrom: 0 },
            symptoms: (found?.openings ?? []).map(({ service, kind }) => ({ service, kind })),
          }
        }),
    )
