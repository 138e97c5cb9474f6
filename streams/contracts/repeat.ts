// Work that is done again and again, one run after the other, until it is closed.

export interface RepeatTimes {
  /** At once unless set. */ readonly firstAfterMs?: number
  /** From the end of a run to the next. */ readonly everyMs: number
}
export interface Repeating {
  /** Begins no further run; resolves when the one that is under way has ended. */
  close(): Promise<void>
}

/** What a run throws goes to `onError`, and the next comes as ever. */
export const startRepeating = (
  run: () => Promise<void>,
  { firstAfterMs = 0, everyMs }: RepeatTimes,
  onError: (error: unknown) => void,
): Repeating => {
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const schedule = (afterMs: number): void => {
    if (closed) return
    timer = setTimeout(() => {
      running = run()
        .catch(onError)
        .then(() => schedule(everyMs))
    }, afterMs)
  }
  schedule(firstAfterMs)
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}
