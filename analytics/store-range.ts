// One range → stored: decoded, its blocks, signal series and dead letters inserted. Resolves when all of it is in the
// store; what is left to do with it are its signals.
import { refusedInRange } from '../clickhouse/queries/dead-letters.ts'
import type { HeartbeatMonitor } from '../streams/contracts/control-plane.ts'
import type { LogMessage } from '../streams/contracts/consumer-group.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import { DEAD_LETTERS_TABLE, toDeadLetterRow, toSetAside } from './dead-letters.ts'
import type { DecodeOutput, Poison } from './decode-contract.ts'
import type { DecodePort, DecodeSettings } from './decode-range.ts'
import { decodeOneByOne, decodeRange, isDecoded } from './decode-range.ts'
import type { DecodeMessages } from './find-refused.ts'
import { findRefused } from './find-refused.ts'
import type { InsertPorts } from './insert-range.ts'
import { insertRange, insertUntilStored, presenceOf } from './insert-range.ts'
import { blocksOf } from './range-blocks.ts'
import type { Range } from './ranges.ts'
import { rangeToken } from './ranges.ts'
import type { Retry } from './retry.ts'
import { backoffMs, pause, untilDone } from './retry.ts'
import { signalLane, toSignalRows } from './signal-rows.ts'
import type { AlertReader, RangeSignals } from './signals.ts'
import { hasPoints, readSignals, toSignalPoints } from './signals.ts'

export interface StorePorts {
  readonly settings: DecodeSettings
  readonly pool: DecodePort
  /** Decodes in a process of its own. */
  readonly child: DecodePort
  readonly clickhouse: InsertPorts
  readonly setAside: EventLog['setAside']
  readonly readAlerts: AlertReader
  readonly monitors: () => Promise<readonly HeartbeatMonitor[]>
  /** Newest hit seen per monitor: of this partition only. */
  readonly lastHits: Map<string, number>
}

export interface StoredRange {
  readonly signals: RangeSignals
  readonly poison: readonly Poison[]
  readonly logRows: number
  readonly spanRows: number
  readonly partialRows: number
  /** Of counts and of texts. */ readonly templateRows: number
}

const writeDeadLetters = async (range: Range, poison: readonly Poison[], ports: StorePorts, retry: Retry): Promise<void> => {
  if (poison.length === 0) return
  const byOffset = new Map(poison.map((one) => [one.offset, one]))
  const letters = range.messages.flatMap((message) => {
    const found = byOffset.get(message.offset)
    return found === undefined ? [] : [toSetAside(range.partition, message, found)]
  })
  await untilDone(() => ports.setAside(letters), retry)
  const rows = letters.map((letter) => toDeadLetterRow(ports.settings.logId, letter))
  await untilDone(() => ports.clickhouse.insertRows({ table: DEAD_LETTERS_TABLE, rows }), retry)
}

export interface RangeHistory {
  /** An earlier process may have sent it. */
  readonly isReplay: boolean
  /** Processes ended with it at work. */
  readonly isCareful: boolean
  /** Recorded with it; null: the store is one server. */
  readonly shard: number | null
}

type Sent = Pick<RangeHistory, 'isReplay' | 'shard'>
interface StoredBlocks extends Pick<StoredRange, 'logRows' | 'spanRows' | 'partialRows' | 'templateRows'> {
  readonly refused: readonly Poison[]
}

/** One INSERT for each table, all under the range's token. */
const sendBlocks = async (
  range: Range,
  decoded: DecodeOutput,
  { isReplay, shard }: Sent,
  ports: StorePorts,
  retry: Retry,
): Promise<boolean> => {
  const { clickhouse, settings } = ports
  const token = rangeToken(settings.logId, range)
  for (const [table, block] of blocksOf(decoded)) {
    const target = {
      token,
      shard,
      send: (sent: string) => clickhouse.insert({ table, block, token: sent, shard }),
      isPresent: presenceOf(clickhouse, table, settings.logId, range, shard),
    }
    if (!(await insertRange(target, isReplay, retry))) return false
  }
  return true
}

/** Texts first, so that no count is without its own; written again they change nothing. */
const storeTemplates = async (
  range: Range,
  { templateCounts: block, templates }: DecodeOutput,
  { isReplay, shard }: Sent,
  ports: StorePorts,
  retry: Retry,
): Promise<void> => {
  const { clickhouse, settings } = ports
  if (block === null) return
  if (templates.length > 0) await untilDone(() => clickhouse.insertRows({ table: 'log_templates', rows: [...templates] }), retry)
  await insertUntilStored(
    {
      token: rangeToken(settings.logId, range),
      shard,
      send: (token) => clickhouse.insert({ table: 'log_template_counts', block, token, shard }),
      isPresent: presenceOf(clickhouse, 'log_template_counts', settings.logId, range, shard),
    },
    isReplay,
    retry,
  )
}

/** Without the messages that the store refuses by themselves: they are set aside before the rest is sent under the same token. */
const storeBlocks = async (
  range: Range,
  sent: readonly LogMessage[],
  first: DecodeOutput,
  decode: DecodeMessages,
  { isReplay, shard }: Sent,
  ports: StorePorts,
  retry: Retry,
): Promise<StoredBlocks> => {
  const refused: Poison[] = []
  const undecoded = new Set(first.poison.map(({ offset }) => offset))
  let messages = sent.filter((message) => isDecoded(message) && !undecoded.has(message.offset))
  let decoded = first
  try {
    for (let attempt = 1; !(await sendBlocks(range, decoded, { isReplay: isReplay || attempt > 1, shard }, ports, retry)); attempt += 1) {
      const found = await untilDone(() => findRefused(messages, decode, ports.clickhouse), retry)
      if (found.length === 0) {
        await pause(backoffMs(attempt, retry.minMs, retry.maxMs), retry.signal)
        continue
      }
      await writeDeadLetters(range, found, ports, retry)
      refused.push(...found)
      const offsets = new Set(found.map(({ offset }) => offset))
      messages = messages.filter(({ offset }) => !offsets.has(offset))
      decoded.release?.()
      const again = await untilDone(() => decode(messages), retry)
      decoded = { ...again, templates: [...decoded.templates, ...again.templates] }
    }
    await storeTemplates(range, decoded, { isReplay, shard }, ports, retry)
    const { logRows, spanRows, partialRows, templateRows, templates } = decoded
    return { logRows, spanRows, partialRows, templateRows: templateRows + templates.length, refused }
  } finally {
    decoded.release?.()
  }
}

const storeSignalRows = async (
  range: Range,
  signals: RangeSignals,
  ports: StorePorts,
  { isReplay, shard }: Sent,
  retry: Retry,
): Promise<void> => {
  const { clickhouse, settings } = ports
  const points = hasPoints(signals) ? toSignalPoints(signals, await untilDone(ports.monitors, retry), ports.lastHits) : []
  const rows = toSignalRows(settings.logId, range, points)
  if (rows.length === 0) return
  await insertUntilStored(
    {
      token: `${rangeToken(settings.logId, range)}:signals`,
      shard,
      send: (token) => clickhouse.insertRows({ table: 'series_partials', rows, token, shard }),
      isPresent: presenceOf(clickhouse, 'series_partials', settings.logId, { ...range, partition: signalLane(range.partition) }, shard),
    },
    isReplay,
    retry,
  )
}

/** What an earlier process has set aside stays out, so that rows and series are of the same messages. */
const refusedEarlier = async (range: Range, { clickhouse, settings }: StorePorts): Promise<ReadonlySet<number>> => {
  const rows = await clickhouse.query<{ log_offset: string }>(refusedInRange, {
    logId: settings.logId,
    partition: range.partition,
    first: String(range.first),
    last: String(range.last),
  })
  return new Set(rows.map((row) => Number(row.log_offset)))
}

export const storeRange = async (range: Range, history: RangeHistory, ports: StorePorts, retry: Retry): Promise<StoredRange> => {
  const { isReplay, isCareful } = history
  const { settings } = ports
  const decode: DecodeMessages = (messages) =>
    isCareful ? decodeOneByOne({ ...range, messages }, settings, ports.child) : decodeRange({ ...range, messages }, settings, ports.pool)
  const earlier = isReplay ? await untilDone(() => refusedEarlier(range, ports), retry) : new Set<number>()
  const messages = range.messages.filter(({ offset }) => !earlier.has(offset))
  const decoded = await untilDone(() => decode(messages), retry)
  try {
    const aside = new Set(decoded.poison.map(({ offset }) => offset))
    const sound = range.messages.filter(({ offset }) => !aside.has(offset))
    const signals = await untilDone(() => readSignals({ ...range, messages: sound }, ports.readAlerts), retry)
    const poison = [...decoded.poison, ...signals.poison]
    const blocks = storeBlocks(range, messages, decoded, decode, history, ports, retry)
    const settled = await Promise.allSettled([
      blocks,
      storeSignalRows(range, signals, ports, history, retry),
      writeDeadLetters(range, poison, ports, retry),
    ])
    for (const one of settled) if (one.status === 'rejected') throw one.reason
    const { refused, ...rows } = await blocks
    return { signals, poison: [...poison, ...refused], ...rows }
  } finally {
    decoded.release?.()
  }
}
