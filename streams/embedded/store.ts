// LMDB behind the embedded log; the only file that imports lmdb. Writes are instructions that the store's own thread
// executes in one transaction per turn: no JavaScript runs while the write lock is held, and a write resolves only when its
// transaction is durable (fsync) or in the page cache (os). Buffers handed in must stay untouched until then.
import { randomBytes } from 'node:crypto'
import { open } from 'lmdb'
import type { Database } from 'lmdb'
import { PermanentError, TransientError } from '../contracts/errors.ts'
import { freeBytes } from './disk.ts'
import { decodeEntry, decodeMark, encodeEntry, encodeMark, groupKey, messageKey, partitionKey } from './layout.ts'
import type { Entry, Mark } from './layout.ts'

export interface StoreConfig {
  readonly directory: string
  readonly partitions: number
  readonly sync: 'fsync' | 'os'
  readonly mapBytes: number
}

/** A mark and the version that a conditional write must still find. */
export interface Versioned {
  readonly mark: Mark
  readonly version: number
}
export interface StoredMessage {
  readonly entry: Entry
  readonly body: Uint8Array
}

export interface Store {
  readonly logId: string
  /** Makes reads see what other threads have committed; call at the start of each read. */
  refresh(): void
  head(partition: number): Versioned
  tail(partition: number): Versioned
  entry(partition: number, offset: number): Entry | null
  /** A copy in a buffer of its own. */
  body(partition: number, offset: number): Uint8Array | null
  /** Into memory of the caller's; false when there is none of that length. */
  copyBody(partition: number, offset: number, target: Uint8Array): boolean
  state(group: string, partition: number): Uint8Array | null
  putState(group: string, partition: number, state: Uint8Array): Promise<void>
  /** Appends at `tail`; false, and nothing written, when another writer was first. Calls of one turn share a transaction. */
  append(partition: number, tail: Versioned, messages: readonly StoredMessage[], next: Mark): Promise<boolean>
  /** Removes everything before `next`; false, and nothing removed, when another trim was first. */
  advanceHead(partition: number, head: Versioned, next: Mark): Promise<boolean>
  close(): Promise<void>
}

type Bytes = Database<Uint8Array, Uint8Array>
const MDB_MAP_FULL = -30792
const FULL_CODES = new Set<unknown>([28 /* ENOSPC */, 122 /* EDQUOT */, 27 /* EFBIG */, MDB_MAP_FULL])
const EIO = 5
const CUT_SHORT_BELOW_BYTES = 32 * 1024 * 1024
const FORMAT = 1
const FIRST_VERSION = 1

/** The store reports a failed commit by an error whose own cause arrives as a rejected promise. */
const toLogError = async (error: unknown, directory: string): Promise<Error> => {
  const pending = (error as { commitError?: Promise<unknown> }).commitError
  const cause =
    pending === undefined
      ? error
      : await pending.then(
          () => error,
          (reason: unknown) => reason,
        )
  const { code, message } = cause as { code?: unknown; message?: string }
  // A write that a full disk cut short is reported as an input/output error.
  const full = FULL_CODES.has(code) || (code === EIO && (await freeBytes(directory)) < CUT_SHORT_BELOW_BYTES)
  return full
    ? new TransientError('LOG_FULL', 'no space left for the event log', 2000, { cause })
    : new TransientError('LOG_IO', `event log write failed: ${message ?? String(cause)}`, 1000, { cause })
}

interface Meta {
  readonly format: number
  readonly logId: string
  readonly partitions: number
}

/** Reads or makes the log's identity and the marks of its partitions, in one transaction. */
const initialise = (meta: Bytes, heads: Bytes, tails: Bytes, partitions: number): string =>
  meta.transactionSync(() => {
    const key = Buffer.from('log')
    const stored = meta.getBinary(key)
    const found = stored === undefined ? null : (JSON.parse(stored.toString('utf8')) as Meta)
    if (found !== null && found.format !== FORMAT) throw new PermanentError('LOG_CORRUPT', `event log format ${found.format} is not known`)
    if (found !== null && found.partitions > partitions) {
      throw new PermanentError('CONFIG_INVALID', `the event log has ${found.partitions} partitions; it cannot be opened with ${partitions}`)
    }
    const logId = found?.logId ?? randomBytes(16).toString('hex')
    if (found?.partitions === partitions) return logId
    meta.putSync(key, Buffer.from(JSON.stringify({ format: FORMAT, logId, partitions } satisfies Meta)))
    for (let partition = found?.partitions ?? 0; partition < partitions; partition++) {
      for (const marks of [heads, tails]) marks.putSync(partitionKey(partition), encodeMark({ offset: 0, before: 0 }), FIRST_VERSION)
    }
    return logId
  })

const readMark = (marks: Bytes, partition: number): Versioned => {
  const found = marks.getEntry(partitionKey(partition))
  if (found === undefined) throw new PermanentError('LOG_CORRUPT', `partition ${partition} has no mark`)
  return { mark: decodeMark(found.value), version: found.version ?? 0 }
}

export const openStore = (config: StoreConfig): Store => {
  const options = {
    path: config.directory,
    mapSize: config.mapBytes,
    maxDbs: 8,
    // Without overlapping sync nothing is visible to readers before it is durable: no row of a message that a power cut takes back.
    overlappingSync: false,
    noSync: config.sync === 'os',
    noMemInit: true,
    // Every commit checks its list of free pages, in time that grows with the square of it. Shorter still, it finds none that fit.
    maxFreeSpaceToLoad: 1000,
    maxFreeSpaceToRetain: 2000,
    // A transaction starts after the turn that queued its writes, never in the middle of one. (The store's own batching by turn
    // leaves a promise of its own unhandled when a commit fails: that would end the process.)
    eventTurnBatching: false,
    txnStartThreshold: 2 ** 30,
    batchStartThreshold: 2 ** 30,
  }
  const root = open<Uint8Array, Uint8Array>(options)
  const openMap = (name: string, useVersions: boolean): Bytes =>
    root.openDB({ name, encoding: 'binary', keyEncoding: 'binary', useVersions })
  const [meta, index, bodies, groups] = [
    openMap('meta', false),
    openMap('index', false),
    openMap('bodies', false),
    openMap('groups', false),
  ]
  const [heads, tails] = [openMap('heads', true), openMap('tails', true)]
  let logId: string
  try {
    logId = initialise(meta, heads, tails, config.partitions)
  } catch (error) {
    void root.close()
    throw error
  }

  const settled = async <T>(write: Promise<T>): Promise<T> => {
    try {
      return await write
    } catch (error) {
      throw await toLogError(error, config.directory)
    }
  }

  return {
    logId,
    refresh: () => root.resetReadTxn(),
    head: (partition) => readMark(heads, partition),
    tail: (partition) => readMark(tails, partition),
    entry: (partition, offset) => {
      const bytes = index.getBinary(messageKey(partition, offset))
      return bytes === undefined ? null : decodeEntry(bytes)
    },
    body: (partition, offset) => bodies.getBinary(messageKey(partition, offset)) ?? null,
    copyBody: (partition, offset, target) => {
      // Memory of the store's until the next read, longer than its `length` says: copied at once, and nothing is allocated.
      const found = bodies.getBinaryFast(messageKey(partition, offset)) as Uint8Array | undefined
      if (found?.length !== target.byteLength) return false
      target.set(found.subarray(0, target.byteLength))
      return true
    },
    state: (group, partition) => groups.getBinary(groupKey(group, partition)) ?? null,
    putState: async (group, partition, state) => {
      await settled(groups.put(groupKey(group, partition), state))
    },
    append: (partition, tail, messages, next) =>
      settled(
        tails.ifVersion(partitionKey(partition), tail.version, () => {
          for (const [at, { entry, body }] of messages.entries()) {
            const key = messageKey(partition, tail.mark.offset + at)
            void bodies.put(key, body)
            void index.put(key, encodeEntry(entry))
          }
          void tails.put(partitionKey(partition), encodeMark(next), tail.version + 1)
        }),
      ),
    advanceHead: (partition, head, next) =>
      settled(
        heads.ifVersion(partitionKey(partition), head.version, () => {
          for (let offset = head.mark.offset; offset < next.offset; offset++) {
            const key = messageKey(partition, offset)
            void bodies.remove(key)
            void index.remove(key)
          }
          void heads.put(partitionKey(partition), encodeMark(next), head.version + 1)
        }),
      ),
    close: () => root.close(),
  }
}
