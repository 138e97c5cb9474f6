// One range → stored: decoded, its blocks, signal series and dead letters inserted. Resolves when all of it is in the
// store; what is left to do with it are its signals.
import type { HeartbeatMonitor } from '../streams/contracts/control-plane.ts'
import { DEAD_LETTERS_TABLE, toDeadLetterRow } from './dead-letters.ts'
import type { Poison } from './decode-contract.ts'
import type { DecodePort, DecodeSettings } from './decode-range.ts'
import { decodeOneByOne, decodeRange } from './decode-range.ts'
import type { InsertPorts } from './insert-range.ts'
import { insertRange, presenceOf } from './insert-range.ts'
import type { Range } from './ranges.ts'
import { rangeToken } from './ranges.ts'
import type { Retry } from './retry.ts'
import { untilDone } from './retry.ts'
import { signalLane, toSignalRows } from './signal-rows.ts'
import type { AlertReader, RangeSignals } from './signals.ts'
import { hasPoints, readSignals, toSignalPoints } from './signals.ts'

export interface StorePorts {
  readonly settings: DecodeSettings
  readonly pool: DecodePort
  /** Decodes in a process of its own. */
  readonly child: DecodePort
  readonly clickhouse: InsertPorts
  readonly readAlerts: AlertReader
  readonly monitors: () => Promise<readonly HeartbeatMonitor[]>
  /** Newest hit seen per monitor: of this partition only. */
  readonly lastHits: Map<string, number>
}

export interface StoredRange { readonly signals: RangeSignals; readonly poison: readonly Poison[]; readonly logRows: number; readonly partialRows: number }

const writeDeadLetters = async (range: Range, poison: readonly Poison[], ports: StorePorts, retry: Retry): Promise<void> => {
  if (poison.length === 0) return
  const byOffset = new Map(poison.map((one) => [one.offset, one]))
  const rows = range.messages.flatMap((message) => {
    const found = byOffset.get(message.offset)
    return found === undefined ? [] : [toDeadLetterRow(ports.settings.logId, range.partition, message, found)]
  })
  await untilDone(() => ports.clickhouse.insertRows({ table: DEAD_LETTERS_TABLE, rows }), retry)
}

export interface RangeHistory {
  /** An earlier process may have sent it. */
  readonly isReplay: boolean
  /** Processes ended with it at work. */
  readonly isCareful: boolean
}

export const storeRange = async (range: Range, { isReplay, isCareful }: RangeHistory, ports: StorePorts, retry: Retry): Promise<StoredRange> => {
  const { clickhouse, settings } = ports
  const token = rangeToken(settings.logId, range)
  const signals = await untilDone(() => readSignals(range, ports.readAlerts), retry)
  const points = hasPoints(signals) ? toSignalPoints(signals, await untilDone(ports.monitors, retry), ports.lastHits) : []
  const signalRows = toSignalRows(settings.logId, range, points)
  const decoded = await untilDone(() => (isCareful ? decodeOneByOne(range, settings, ports.child) : decodeRange(range, settings, ports.pool)), retry)
  const poison = [...decoded.poison, ...signals.poison]

  const sends = [writeDeadLetters(range, poison, ports, retry)]
  const send = (table: 'otel_logs' | 'series_partials', ownToken: string, at: Range, insert: (token: string) => Promise<void>): void => {
    sends.push(insertRange({ token: ownToken, send: insert, isPresent: presenceOf(clickhouse, table, settings.logId, at) }, isReplay, retry))
  }
  const sendBlock = (table: 'otel_logs' | 'series_partials', block: Uint8Array | null): void => {
    if (block !== null) send(table, token, range, (sent) => clickhouse.insert({ table, block, token: sent }))
  }
  sendBlock('otel_logs', decoded.logs)
  sendBlock('series_partials', decoded.partials)
  if (signalRows.length > 0) {
    send('series_partials', `${token}:signals`, { ...range, partition: signalLane(range.partition) },
      (sent) => clickhouse.insertRows({ table: 'series_partials', rows: signalRows, token: sent }))
  }
  const settled = await Promise.allSettled(sends)
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return { signals, poison, logRows: decoded.logRows, partialRows: decoded.partialRows }
}
