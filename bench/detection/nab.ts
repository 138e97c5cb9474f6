// Reads the Numenta Anomaly Benchmark's files: `DIR/data/<kind>/<file>.csv` and `DIR/labels/combined_windows.json`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSeries } from '../../scripts/backtest/series-file.ts'
import type { LabelledSeries } from './nab-score.ts'

export const readNab = (directory: string): LabelledSeries[] => {
  const windows = JSON.parse(readFileSync(join(directory, 'labels', 'combined_windows.json'), 'utf8')) as Record<string, [string, string][]>
  return Object.entries(windows)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, spans]) => {
      const rows = readSeries(readFileSync(join(directory, 'data', name), 'utf8'))
      const timesMs = rows.map((row) => row.atMs)
      const at = (text: string): number => timesMs.indexOf(Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`))
      return { name, timesMs, values: rows.map((row) => row.value), windows: spans.map(([first, last]) => [at(first), at(last)] as const) }
    })
}
