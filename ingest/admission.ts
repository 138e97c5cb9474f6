// How much is accepted but not yet durable: request bodies, inflations in flight, open sockets. Over a bound the answer is
// no, at once and before the body is read; a lease is held until its append has settled, whoever was answered in between.

export interface AdmissionConfig {
  readonly maxInflightBytes: number
  /** Up to here new requests are let in: the rest is for what those become that are. The same bound unless set. */
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
  let inflight = 0
  let sockets = 0
  const take = (bytes: number, bound: number): boolean => {
    if (inflight + bytes > bound) return false
    inflight += bytes
    return true
  }
  const createLease = (bytes: number): Lease => {
    let held = bytes
    return {
      grow: (more) => {
        if (!take(more, config.maxInflightBytes)) return false
        held += more
        return true
      },
      shrink: (less) => {
        const given = Math.min(less, held)
        held -= given
        inflight -= given
      },
      held: () => held,
      release: () => {
        inflight -= held
        held = 0
      },
    }
  }
  return {
    tryReserve: (bytes) => (take(bytes, Math.min(config.maxInflightBytes, config.maxEntryBytes ?? Infinity)) ? createLease(bytes) : null),
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
