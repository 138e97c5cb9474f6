// Records → one protobuf ExportLogsServiceRequest, a ResourceLogs for each service.
import type { Rec } from './traffic.ts'
import type { Service } from './world.ts'

const sizeOf = (value: number): number => (value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4)

interface Writer {
  buf: Buffer
  at: number
}
const varint = (w: Writer, value: number): void => {
  while (value > 127) {
    w.buf[w.at++] = (value & 127) | 128
    value >>>= 7
  }
  w.buf[w.at++] = value
}
const lengthed = (w: Writer, tag: number, length: number): void => {
  w.buf[w.at++] = tag
  varint(w, length)
}
const text = (w: Writer, tag: number, value: string): void => {
  lengthed(w, tag, value.length)
  w.at += w.buf.write(value, w.at, 'latin1')
}
const nested = (length: number): number => 1 + sizeOf(length) + length

const textAttribute = (key: string, value: string): number => nested(key.length) + nested(nested(value.length))
const putTextAttribute = (w: Writer, tag: number, key: string, value: string): void => {
  lengthed(w, tag, textAttribute(key, value))
  text(w, 0x0a, key)
  lengthed(w, 0x12, nested(value.length))
  text(w, 0x0a, value)
}

const DURATION = 'duration_ms'
const DURATION_SIZE = nested(DURATION.length) + nested(9)
const recordSize = (record: Rec): number =>
  9 + 2 + nested(nested(record.body.length)) + nested(DURATION_SIZE) + (record.trace === '' ? 0 : 18)

const putRecord = (w: Writer, record: Rec): void => {
  lengthed(w, 0x12, recordSize(record))
  w.buf[w.at] = 0x09
  w.buf.writeBigUInt64LE(BigInt(Math.round(record.atMs * 1000)) * 1000n, w.at + 1)
  w.at += 9
  w.buf[w.at++] = 0x10
  w.buf[w.at++] = record.severity
  lengthed(w, 0x2a, nested(record.body.length))
  text(w, 0x0a, record.body)
  lengthed(w, 0x32, DURATION_SIZE)
  text(w, 0x0a, DURATION)
  lengthed(w, 0x12, 9)
  w.buf[w.at++] = 0x21
  w.buf.writeDoubleLE(Math.round(record.durationMs * 10) / 10, w.at)
  w.at += 8
  if (record.trace === '') return
  lengthed(w, 0x4a, 16)
  w.at += w.buf.write(record.trace, w.at, 'hex')
}

export const encode = (services: readonly Service[], records: readonly Rec[]): Buffer => {
  const byService = new Map<number, Rec[]>()
  for (const record of records) {
    const list = byService.get(record.service)
    if (list === undefined) byService.set(record.service, [record])
    else list.push(record)
  }
  const w: Writer = {
    buf: Buffer.allocUnsafe(64 + byService.size * 200 + records.reduce((sum, record) => sum + recordSize(record) + 6, 0)),
    at: 0,
  }
  for (const [index, own] of byService) {
    const { name } = services[index]
    const attributes = nested(textAttribute('service.name', name)) + nested(textAttribute('service.version', '1.0.0'))
    const scope = own.reduce((sum, record) => sum + nested(recordSize(record)), 0)
    lengthed(w, 0x0a, nested(attributes) + nested(scope))
    lengthed(w, 0x0a, attributes)
    putTextAttribute(w, 0x0a, 'service.name', name)
    putTextAttribute(w, 0x0a, 'service.version', '1.0.0')
    lengthed(w, 0x12, scope)
    for (const record of own) putRecord(w, record)
  }
  return w.buf.subarray(0, w.at)
}
