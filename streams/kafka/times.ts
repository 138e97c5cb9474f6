// How long things may take, whichever client does them, and the name under which members of both are one group.

export const CONNECT_MS = 5000
export const REQUEST_MS = 15_000
/** A broker waits for its replicas as long; it answers before the request times out. */
export const REPLICATE_MS = 10_000
/** A driver goes on for as long with what could not be sent; whoever waits for it has been told to come again by then. */
export const SEND_MS = 30_000
export const SESSION_MS = 6000
export const REBALANCE_MS = 15_000
export const GROUP_TIMES = { heartbeatMs: 1000, handOverMs: 6000, againMs: 500 }
export const GROUP_PROTOCOL = 'lapwing'
