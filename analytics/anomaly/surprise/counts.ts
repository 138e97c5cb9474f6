// What is counted scatters: events that come independently of each other have a Poisson distribution, and whatever makes them come
// together scatters them more. So no count is rarer than that distribution says of a rate that is known to be possible, however rare a
// short history makes it look.

/** A term that adds less than this share ends the sum of a tail. */
const NEGLIGIBLE = 1e-4

/** Natural logarithm of k!, by Stirling's series; wrong by less than 0.001. */
const logFactorial = (k: number): number =>
  k === 0 ? 0 : k * Math.log(k) - k + 0.5 * Math.log(2 * Math.PI * k) + 1 / (12 * k) - 1 / (360 * k ** 3)

/** -log10 of the probability that a count of a Poisson distribution with this mean is as far from it as `count`, on its side. */
export const surpriseOfCount = (count: number, mean: number): number => {
  const isAbove = count > mean
  const own = Math.exp(count * Math.log(mean) - mean - logFactorial(count))
  let sum = own
  let term = own
  for (let k = count; term > NEGLIGIBLE * sum; sum += term) term *= isAbove ? mean / ++k : k-- / mean
  // Far out even the largest term is 0 to a double.
  return Math.max(0, -Math.log10(sum + 1e-300))
}

/** Mean absolute deviation of a Poisson distribution: exact below a mean of 1, within 8 % above. */
export const scatterOfCounts = (mean: number): number => (mean < 1 ? 2 * mean * Math.exp(-mean) : Math.sqrt((2 / Math.PI) * mean))
