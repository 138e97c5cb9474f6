// One owner at a time of a piece of work, over all processes. A lease ends by itself; each change of owner is a new epoch.

export interface Lease {
  readonly name: string
  readonly epoch: number
  /** By this process's monotonic clock, on the safe side: false from a moment before another may have it. */
  isHeld(): boolean
  /** Runs the store's work in a transaction that commits only while the lease is held. @throws PermanentError FENCED. */
  guard<T>(work: () => Promise<T>): Promise<T>
}

export interface Leases {
  /** Takes it when nobody holds it, or prolongs it; null when another holds it. */
  claim(name: string): Promise<Lease | null>
  release(lease: Lease): Promise<void>
}
