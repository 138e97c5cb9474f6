// Several openings side by side. When one fails the others are waited for all the same: what opens late could not be closed any more.
import { PermanentError, TransientError } from '../streams/contracts/errors.ts'

/** All of them, or the failure of each that failed in one. */
export const together = async <T extends readonly unknown[]>(openings: readonly [...{ [K in keyof T]: Promise<T[K]> }]): Promise<T> => {
  const settled = await Promise.allSettled(openings)
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (failures.length === 0) return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T
  if (failures.length === 1 || !failures.every((one) => one instanceof PermanentError || one instanceof TransientError)) throw failures[0]
  throw new PermanentError('CONFIG_INVALID', failures.map((one) => one.message).join('\n'))
}
