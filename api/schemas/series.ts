// A series as the API answers with it, for plots.
import { Type } from 'typebox'
import { Nullable } from './shapes.ts'

export const SeriesPoint = Type.Object({
  at: Type.String(),
  value: Type.Number({ description: 'records per 10 s of a count, else the mean', examples: [42] }),
  count: Type.Integer({ description: 'records that it rests on', examples: [42] }),
  expected: Nullable('number'),
  lower: Nullable('number'),
  upper: Nullable('number'),
})
