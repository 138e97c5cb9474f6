// Requests by address in windows of fixed length. Counted in memory, so that no request waits for it; where several processes share
// a database, told to each other twice a second: together they let through at most what comes in between.
import type { Sql } from '../store/store.ts'

export interface AddressWindows {
  /** Counts one request and tells how many there were in this window, and how long it goes on. */
  hit(address: string): { readonly current: number; readonly ttl: number }
  /** Tells the others, and hears from them. */
  exchange(): Promise<void>
  close(): Promise<void>
}
export interface AddressWindowsConfig {
  readonly windowMs: number
  readonly shared: boolean
}
export interface AddressWindowsDeps {
  readonly store: Sql
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}

const EXCHANGE_EVERY_MS = 500
const MAX_ADDRESSES = 50_000
interface Count {
  /** Of all processes, as last heard. */ known: number
  sending: number
  unsent: number
}

export const createAddressWindows = (
  { windowMs, shared }: AddressWindowsConfig,
  { store, clock, onError }: AddressWindowsDeps,
): AddressWindows => {
  let start = 0
  let counts = new Map<string, Count>()
  const startOf = (ms: number): number => Math.floor(ms / windowMs) * windowMs
  const roll = (): void => {
    const now = startOf(clock())
    if (now === start) return
    start = now
    counts = new Map()
  }
  const countOf = (address: string): Count => {
    // Beyond its addresses all others share one count.
    const key = counts.has(address) || counts.size < MAX_ADDRESSES ? address : 'others'
    let count = counts.get(key)
    if (count === undefined) {
      count = { known: 0, sending: 0, unsent: 0 }
      counts.set(key, count)
    }
    return count
  }
  const exchange = async (): Promise<void> => {
    roll()
    const mine = counts
    const sent = [...mine].filter(([, count]) => count.unsent > 0)
    if (sent.length === 0) return
    for (const [, count] of sent) [count.sending, count.unsent] = [count.unsent, 0]
    try {
      const rows = await store.query<{ address: string; requests: number }>(
        `INSERT INTO address_windows (address, window_start, requests)
         SELECT address, $2::timestamptz, requests FROM jsonb_to_recordset($1::jsonb) AS hit (address text, requests bigint) ORDER BY address
         ON CONFLICT (address, window_start) DO UPDATE SET requests = address_windows.requests + excluded.requests RETURNING address, requests`,
        [JSON.stringify(sent.map(([address, { sending }]) => ({ address, requests: sending }))), new Date(start).toISOString()],
      )
      for (const { address, requests } of rows) mine.get(address)!.known = requests
      await store.query('DELETE FROM address_windows WHERE window_start < $1', [new Date(start - windowMs).toISOString()])
    } catch (error) {
      for (const [, count] of sent) count.unsent += count.sending
      onError(error)
    } finally {
      for (const [, count] of sent) count.sending = 0
    }
  }
  let running: Promise<void> | null = null
  const once = (): Promise<void> =>
    (running ??= exchange().finally(() => {
      running = null
    }))
  const timer = shared
    ? setInterval(() => {
        void once()
      }, EXCHANGE_EVERY_MS).unref()
    : undefined
  return {
    hit: (address) => {
      roll()
      const count = countOf(address)
      count.unsent++
      return { current: count.known + count.sending + count.unsent, ttl: start + windowMs - clock() }
    },
    exchange: once,
    close: async () => {
      clearInterval(timer)
      await running
    },
  }
}
