// Reads a ClickHouse Native block back into columns of JavaScript values, from the format's description and not from the
// writer. 64-bit integers and DateTime64 are BigInt. Throws when a block is short, long or inconsistent.

export interface NativeColumn {
  readonly name: string
  readonly type: string
  readonly values: unknown[]
}

export const readNative = (bytes: Uint8Array): { readonly rows: number; readonly columns: NativeColumn[] } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = view.getUint8(at++)
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  const text = (): string => {
    const length = varint()
    if (at + length > bytes.length) throw new Error('a string runs past the block')
    at += length
    return decoder.decode(bytes.subarray(at - length, at))
  }
  const u64 = (): number => {
    at += 8
    return Number(view.getBigUint64(at - 8, true))
  }
  const many = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read)
  const fixed: Record<string, [size: number, read: (position: number) => unknown]> = {
    UInt8: [1, (p) => view.getUint8(p)],
    UInt16: [2, (p) => view.getUint16(p, true)],
    UInt32: [4, (p) => view.getUint32(p, true)],
    UInt64: [8, (p) => view.getBigUint64(p, true)],
    Float64: [8, (p) => view.getFloat64(p, true)],
    Date: [2, (p) => view.getUint16(p, true)],
    DateTime: [4, (p) => view.getUint32(p, true)],
    'DateTime64(9)': [8, (p) => view.getBigInt64(p, true)],
  }
  const lowBody = (count: number): string[] => {
    if (count === 0) return []
    const flags = u64()
    if ((flags & ~3) !== 0x600) throw new Error(`unexpected LowCardinality flags ${flags}`)
    const keys = many(u64(), text)
    if (keys[0] !== '') throw new Error('key 0 is not the empty string')
    if (new Set(keys).size !== keys.length) throw new Error('a key stands twice in a dictionary')
    if (u64() !== count) throw new Error('wrong number of indices')
    const [size, read] = fixed[['UInt8', 'UInt16', 'UInt32'][flags & 3]]
    return many(count, () => {
      const key = read(at) as number
      at += size
      if (key >= keys.length) throw new Error('an index beyond its dictionary')
      return keys[key]
    })
  }
  const version = (): void => {
    if (u64() !== 1) throw new Error('unexpected LowCardinality version')
  }
  const slices = <T>(ends: number[], items: T[]): T[][] => ends.map((end, i) => items.slice(i === 0 ? 0 : ends[i - 1], end))
  const data = (type: string, rows: number): unknown[] => {
    if (type === 'String') return many(rows, text)
    if (type === 'LowCardinality(String)') {
      version()
      return lowBody(rows)
    }
    if (type === 'Map(LowCardinality(String), String)') {
      version()
      const ends = many(rows, u64)
      const keys = lowBody(ends.at(-1) ?? 0)
      return slices(
        ends,
        keys.map((key) => [key, ''] as [string, string]).map((pair) => [pair[0], text()] as [string, string]),
      )
    }
    const blob = /^FixedString\((\d+)\)$/.exec(type)
    if (blob !== null)
      return many(rows, () => {
        at += Number(blob[1])
        if (at > bytes.length) throw new Error('a fixed string runs past the block')
        return Buffer.from(bytes.subarray(at - Number(blob[1]), at)).toString('hex')
      })
    if (type.startsWith('Enum8(')) {
      const names = new Map([...type.matchAll(/'([^']*)' = (\d+)/g)].map(([, name, value]) => [Number(value), name]))
      return many(rows, () => names.get(view.getUint8(at++)) ?? '?')
    }
    const array = /^Array\((.*)\)$/.exec(type)
    if (array !== null) {
      if (array[1] === 'LowCardinality(String)') version()
      const ends = many(rows, u64)
      const total = ends.at(-1) ?? 0
      return slices(ends, array[1] === 'LowCardinality(String)' ? lowBody(total) : data(array[1], total))
    }
    const [size, read] = fixed[type]
    return many(rows, () => {
      at += size
      return read(at - size)
    })
  }
  const width = varint()
  const rows = varint()
  const columns = many(width, () => {
    const name = text()
    const type = text()
    return { name, type, values: data(type, rows) }
  })
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind the block`)
  return { rows, columns }
}

/** Rows as objects; a Map column is a list of pairs. */
export const readNativeRows = (bytes: Uint8Array): Record<string, unknown>[] => {
  const { rows, columns } = readNative(bytes)
  return Array.from({ length: rows }, (_, i) => Object.fromEntries(columns.map(({ name, values }) => [name, values[i]])))
}
