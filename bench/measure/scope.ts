// What a run has started and made, taken down in exact reverse when it ends, fails or is interrupted.
type Close = () => Promise<void> | void
export interface Scope {
  onClose(close: Close): void
}
export interface Scopes {
  run<T>(work: (scope: Scope) => Promise<T>): Promise<T>
  closeAll(): Promise<void>
}

export const createScopes = (): Scopes => {
  const open = new Set<Close[]>()
  const close = async (closers: Close[]): Promise<void> => {
    open.delete(closers)
    for (const one of closers.splice(0).toReversed()) {
      try {
        await one()
      } catch (error) {
        console.error(`a part did not close: ${String(error)}`)
      }
    }
  }
  return {
    run: async (work) => {
      const closers: Close[] = []
      open.add(closers)
      try {
        return await work({
          onClose: (one) => {
            closers.push(one)
          },
        })
      } finally {
        await close(closers)
      }
    },
    closeAll: async () => {
      for (const closers of open) await close(closers)
    },
  }
}

/** On Ctrl-C or SIGTERM: everything down, then an exit code that says so. */
export const closeOnSignal = (scopes: Scopes): void => {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => {
      void scopes.closeAll().finally(() => process.exit(128 + number))
    })
  }
}
