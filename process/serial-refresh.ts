// Work that brings something up to date: while one run is under way, whoever asks gets the next one, which begins after they asked.

export const createSerialRefresh = (work: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | null = null
  let next: Promise<void> | null = null
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = null
    })
    return running
  }
  return () => {
    if (running === null) return run()
    return (next ??= running
      .catch(() => undefined)
      .then(() => {
        next = null
        return run()
      }))
  }
}
