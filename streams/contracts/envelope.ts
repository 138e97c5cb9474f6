// What travels beside an untouched body through the event log.

export type Signal = 'otlp_logs' | 'otlp_traces' | 'json_logs' | 'heartbeat' | 'alertmanager' | 'prometheus_alerts' | 'mark'
export type Format = 'protobuf' | 'json' | 'ndjson' | 'none'
export type Compression = 'identity' | 'gzip' | 'zstd' | 'deflate' | 'snappy' | 'x-snappy-framed' | 'lz4' | 'br'

export interface Envelope {
  readonly signal: Signal
  readonly format: Format
  readonly compression: Compression
  readonly tenant: string
  /** Id of the token that authenticated the request; empty when there was none. */
  readonly tokenId: string
  /** Unix milliseconds by the receiving process's clock. */
  readonly receivedAtMs: number
  /** Records in the body as the walk numbers them, rejected ones included. */
  readonly recordCount: number
  readonly inflatedBytes: number
  /** Stored size by the walk's rule (semantics of expansion): bounds a range. */
  readonly expandedBytes: number
  /** Indices of records that the walk rejected, ascending; the decoder skips them. */
  readonly rejected: readonly number[]
  /** Signal specific, small: monitor id of a heartbeat; empty otherwise. */
  readonly subject: string
}
