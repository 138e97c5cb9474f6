// Nothing found is not the same as nothing wrong: an empty answer over logs says why it is empty.
import { Type } from 'typebox'
import { explainEmpty } from '../clickhouse/queries/explain-empty.ts'
import { attributesOf, type Field } from '../clickhouse/queries/filter-tree.ts'
import type { LogFilter } from '../clickhouse/queries/logs-search.ts'
import { printField } from './filter/printer.ts'
import { nearest } from './nearest.ts'
import type { RouteDeps } from './ports.ts'

/** Fields of an answer. */
export const emptiness = {
  emptyReason: Type.Optional(
    Type.String({ enum: ['no_match', 'no_data_in_range', 'field_unknown'], description: 'only of an empty answer' }),
  ),
  nearestDataAt: Type.Optional(Type.String({ description: 'of the record that is nearest to the end of the range' })),
  unknownFields: Type.Optional(
    Type.Array(Type.Object({ field: Type.String(), nearest: Type.Optional(Type.String()) }), {
      description: 'attributes that none of the newest 10,000 records of the range has',
    }),
  ),
}
interface Explained {
  readonly emptyReason?: string
  readonly nearestDataAt?: string
  readonly unknownFields?: { field: string; nearest?: string }[]
}

const isoOf = (ns: string): string => new Date(Number(BigInt(ns) / 1_000_000n)).toISOString()

/** `measured` is wanted beside what the filter names. Nothing when there was no time to find out. */
export const explainNothing = async (
  clickhouse: RouteDeps['clickhouse'],
  filter: LogFilter,
  measured: Field | null,
): Promise<Explained> => {
  const asked = [
    ...(filter.tree ? attributesOf(filter.tree) : []),
    ...filter.attributes.map(([key]) => ({ kind: 'attribute', of: 'either', key }) as const),
    ...(measured?.kind === 'attribute' ? [measured] : []),
  ]
  const why = await explainEmpty(clickhouse, filter, asked)
  if (why === null) return {}
  const unknownFields = why.unknown.map((field) => {
    const near = nearest(field.key, why.knownKeys)
    return { field: printField(field), ...(near === null ? {} : { nearest: near }) }
  })
  return {
    emptyReason: why.reason,
    ...(why.nearestNs === null ? {} : { nearestDataAt: isoOf(why.nearestNs) }),
    ...(unknownFields.length === 0 ? {} : { unknownFields }),
  }
}
