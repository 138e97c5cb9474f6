// The service of a resource: its string attribute service.name, or unknown_service (the specification's default).
import { UNKNOWN_SERVICE } from '../../streams/otlp/json-events.ts'
import { lengthAt, varintSize } from './bytes.ts'
import type { LowColumn } from './columns.ts'
import { indexOf, indexOfText } from './dictionary.ts'
import type { Pairs } from './pairs.ts'

interface ServiceColumn {
  readonly service: LowColumn
}

export const SERVICE_NAME = 'service.name'

export const unknownService = (columns: ServiceColumn): number => indexOfText(columns.service.dictionary, UNKNOWN_SERVICE)

/** Key number in the service column for the value that `key` has in a finished run; an empty or missing one is unknown. */
export const serviceOf = (columns: ServiceColumn, run: Pairs, key: number): number => {
  for (let i = 0, at = 0; i < run.count; i++) {
    const length = lengthAt(run.values, at)
    at += varintSize(length) + length
    if (run.keys[i] === key)
      return length === 0 ? unknownService(columns) : indexOf(columns.service.dictionary, run.values, at - length, length, 0)
  }
  return unknownService(columns)
}
