// One step of a series' detector under what people said of it. Stands around the detector and knows only its threshold and its sides.
import type { SeriesRule } from '../../streams/contracts/detection.ts'
import { step, type DetectorConfig, type DetectorState, type Point, type Verdict } from '../anomaly/detector.ts'
import type { Judgement } from '../anomaly/metric.ts'

type Step = (
  before: DetectorState,
  judgement: Judgement,
  config: DetectorConfig,
  point: Point,
) => { state: DetectorState; verdict: Verdict }

/** The detector must not change `before`: where the two sides have different thresholds it is asked twice. */
export const judgeSeries = (rule: SeriesRule | undefined, ...[before, judgement, config, point]: Parameters<Step>): ReturnType<Step> => {
  if (rule === undefined) return step(before, judgement, config, point)
  if (rule.ignored) {
    // It goes on learning, so that it need not begin anew when it is listened to again; what is open ends.
    const { state, verdict } = step({ ...before, open: null }, { ...judgement, up: false, down: false }, config, point)
    return { state, verdict: { ...verdict, resolves: before.open } }
  }
  const { direction, noiseFactor, sensitivity } = rule
  const sides = direction === null ? judgement : { ...judgement, up: direction !== 'down', down: direction !== 'up' }
  const under = (factor: number): ReturnType<Step> =>
    step(before, sides, { ...config, zThreshold: (config.zThreshold * factor) / sensitivity }, point)
  const above = under(noiseFactor.up)
  return noiseFactor.up === noiseFactor.down || above.verdict.z >= 0 ? above : under(noiseFactor.down)
}
