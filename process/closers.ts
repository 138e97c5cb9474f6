// What was opened, to be closed in exact reverse.
import type { Logger } from './logger.ts'

export type OnClose = (close: () => Promise<void> | void) => void

export const createClosers = (logger: Pick<Logger, 'warn'>): { onClose: OnClose; close(): Promise<void> } => {
  const closers: (() => Promise<void> | void)[] = []
  return {
    onClose: (close) => {
      closers.unshift(close)
    },
    close: async () => {
      for (const one of closers.splice(0)) {
        try {
          await one()
        } catch (error) {
          logger.warn({ error: String(error) }, 'a part did not close cleanly')
        }
      }
    },
  }
}
