// An event log that ends at an offset until it is let go: the first part warms a worker up, and the second finds it at rest.
import type { Assignment } from '../../streams/contracts/consumer-group.ts'
import type { EventLog } from '../../streams/contracts/event-log.ts'

export interface Gate {
  readonly log: EventLog
  open(): void
}

export const gateAt = (log: EventLog, limit: number): Gate => {
  let isOpen = false
  let release: () => void
  const opened = new Promise<void>((resolve) => {
    release = resolve
  })
  const behind = (assignment: Assignment): Assignment => ({
    ...assignment,
    read: async (request) => {
      if (isOpen) return await assignment.read(request)
      return request.from >= limit ? [] : (await assignment.read(request)).filter(({ offset }) => offset < limit)
    },
    waitFor: async (from, timeoutMs) => {
      if (!isOpen && from >= limit) await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, timeoutMs))])
      else await assignment.waitFor(from, timeoutMs)
    },
  })
  return {
    log: { ...log, join: (group, work) => log.join(group, (assignment) => work(behind(assignment))) },
    open: () => {
      isOpen = true
      release()
    },
  }
}
