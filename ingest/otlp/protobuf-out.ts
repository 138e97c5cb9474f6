// The few protobuf messages that OTLP answers consist of, encoded: google.rpc.Status and the responses to an export.

const utf8 = new TextEncoder()

const varint = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}

const bytesField = (field: number, payload: ArrayLike<number>): number[] => [
  ...varint(field * 8 + 2),
  ...varint(payload.length),
  ...Array.from(payload),
]

/** google.rpc.Status { int32 code = 1; string message = 2 } */
export const encodeStatus = (code: number, message: string): Uint8Array =>
  Uint8Array.from([8, ...varint(code), ...bytesField(2, utf8.encode(message))])

/** ExportLogsServiceResponse { partial_success = 1 { int64 rejected_log_records = 1; string error_message = 2 } }; that of traces has its rejected_spans in the same place. */
export const encodePartialSuccess = (rejected: number, message: string): Uint8Array =>
  Uint8Array.from(bytesField(1, [8, ...varint(rejected), ...bytesField(2, utf8.encode(message))]))
