// The two classes of error that cross a stage. Codes come from one list; nobody matches on message text.

export type ErrorCode =
  | 'LOG_FULL'
  | 'LOG_CLOSED'
  | 'LOG_IO'
  | 'MESSAGE_TOO_LARGE'
  | 'LOG_CORRUPT'
  | 'FENCED'
  | 'GROUP_TAKEN'
  | 'STORE_UNAVAILABLE'
  | 'STORE_REJECTED'
  | 'STORE_OVERLOADED'
  | 'QUERY_TIMED_OUT'
  | 'DECODE_FAILED'
  | 'WORKER_DIED'
  | 'CHILD_DIED'
  | 'DECODE_TIMEOUT'
  | 'LOCKED'
  | 'CONFIG_INVALID'
  | 'PORT_BUSY'

/** Trying again cannot help. */
export class PermanentError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PermanentError'
    this.code = code
  }
}

/** May pass: try again after `retryAfterMs`. */
export class TransientError extends Error {
  readonly code: ErrorCode
  readonly retryAfterMs: number
  constructor(code: ErrorCode, message: string, retryAfterMs = 1000, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TransientError'
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
