// What one connection, one engine or one producer is asked comes one after the other, in the order in which it was asked.

/** Runs each when those before have ended, however they did; what it comes to is the caller's. */
export const createTurns = (): (<T>(run: () => Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const mine = last.then(run)
    last = mine.catch(() => undefined)
    return mine
  }
}
