// How series are judged, and what people said of anomalies, as the API answers with it.
import { Type } from 'typebox'
import { Nullable } from './shapes.ts'

const SIDES = ['up', 'down', 'both'] as const
export const Direction = Type.Enum([...SIDES], { description: 'which side alarms' })
const NullableDirection = Type.Unsafe<(typeof SIDES)[number] | null>({ type: ['string', 'null'], enum: [...SIDES, null] })
const NullableBoolean = Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] })

export const DetectionSetting = Type.Object({
  service_id: Type.String(),
  metric_name: Nullable('string'),
  sensitivity: Nullable('number'),
  direction: NullableDirection,
  ignored: NullableBoolean,
  updated_at: Type.String(),
})
const From = Type.Enum(['series', 'service', 'default'], { description: 'where it comes from', examples: ['default'] })
const BySide = (description: string, example: number) =>
  Type.Object({ up: Type.Number({ examples: [example] }), down: Type.Number({ examples: [example] }) }, { description })
/** What holds for a series, field by field. */
export const Detection = Type.Object({
  sensitivity: Type.Object({ value: Type.Number({ examples: [1] }), from: From }),
  direction: Type.Object({ value: NullableDirection, from: From }),
  ignored: Type.Object({ value: Type.Boolean(), from: From }),
  noise_marks: BySide('anomalies of the series that were called noise, by side', 0),
  threshold_factor: BySide('times the threshold of the detector, by side', 1),
})

export const Verdict = Type.Enum(['noise', 'real'], {
  description: 'noise raises the threshold of the series on this side; real takes that back',
  examples: ['noise'],
})
const feedbackFields = { verdict: Verdict, note: Nullable('string'), by: Type.String(), at: Type.String() }
export const Feedback = Type.Unsafe<object | null>({
  type: ['object', 'null'],
  properties: Type.Object(feedbackFields).properties,
  required: Object.keys(feedbackFields),
  examples: [{ verdict: 'noise', note: 'the nightly report', by: 'triage-bot', at: '2026-01-31T12:00:00.000Z' }],
})
export const FeedbackGiven = Type.Object({
  anomaly_id: Type.String(),
  service_id: Type.String(),
  metric_name: Type.String(),
  ...feedbackFields,
  detection: Detection,
})
