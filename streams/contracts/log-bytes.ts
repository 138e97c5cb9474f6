// Bytes of logs that tokens with a daily cap have sent: counted where they come in, added up where all processes look.

/** Bytes since the last report; `day` is a UTC day such as 2026-01-31. May be negative: bytes that were not stored after all. */
export interface LogBytesUse { readonly tenant: string; readonly tokenId: string; readonly day: string; readonly bytes: number }
/** Of all processes. */
export interface LogBytesTotal { readonly tokenId: string; readonly day: string; readonly bytes: number }
