// How much is accepted but not yet durable: request bodies, inflations in flight, open sockets. Over a bound the answer is
// no, at once and before the body is read; a lease is held until its append has settled, whoever was answered in between.

export interface AdmissionConfig {
  readonly maxInflightBytes: number
  /** What requests may bring with them at most: the rest is for what they become. One that becomes large keeps no small one out while there
   * is room. The same bound unless set. */
  readonly maxEntryBytes?: number
  readonly maxSockets: number
}

export interface Lease {
  /** Takes more; false when that would pass the bound (nothing is taken then). */
  grow(bytes: number): boolean
  shrink(bytes: number): void
  held(): number
  /** Gives everything back; safe to call again. */
  release(): void
}

export interface Admission {
  tryReserve(bytes: number): Lease | null
  socketOpened(): void
  socketClosed(): void
  socketsFull(): boolean
  inflightBytes(): number
  sockets(): number
}

export const createAdmission = (config: AdmissionConfig): Admission => {
  const { maxInflightBytes, maxEntryBytes = maxInflightBytes } = config
  let inflight = 0
  /** Of these, what came in. */
  let entered = 0
  let sockets = 0
  const createLease = (bytes: number): Lease => {
    let [entry, grown] = [bytes, 0]
    return {
      grow: (more) => {
        if (inflight + more > maxInflightBytes) return false
        inflight += more
        grown += more
        return true
      },
      shrink: (less) => {
        const fromGrown = Math.min(less, grown)
        const fromEntry = Math.min(less - fromGrown, entry)
        grown -= fromGrown
        entry -= fromEntry
        entered -= fromEntry
        inflight -= fromGrown + fromEntry
      },
      held: () => entry + grown,
      release: () => {
        inflight -= entry + grown
        entered -= entry
        entry = grown = 0
      },
    }
  }
  return {
    tryReserve: (bytes) => {
      if (entered + bytes > maxEntryBytes || inflight + bytes > maxInflightBytes) return null
      entered += bytes
      inflight += bytes
      return createLease(bytes)
    },
    socketOpened: () => {
      sockets++
    },
    socketClosed: () => {
      sockets--
    },
    socketsFull: () => sockets > config.maxSockets,
    inflightBytes: () => inflight,
    sockets: () => sockets,
  }
}
