// A wait that ends.
import { TransientError } from '../streams/contracts/errors.ts'

/** @throws TransientError STORE_UNAVAILABLE when `work` takes longer; it goes on all the same. */
export const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TransientError('STORE_UNAVAILABLE', `no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
