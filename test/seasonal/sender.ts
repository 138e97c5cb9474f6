// Plays stretches of event time at the product as fast as it takes them: several bodies in flight, some records late.
import { requestHead, openConnection } from '../../bench/load/http-client.ts'
import { encode } from './encode.ts'
import type { Random } from './random.ts'
import type { Rec, Traffic } from './traffic.ts'
import type { Service } from './world.ts'

const SLICE_MS = 60_000
const LATE_SHARE = 0.02
const MAX_LATE_MS = 120_000
const CONNECTIONS = 6

export interface Sender {
  /** Sends everything of [fromMs, toMs); resolves once all is acknowledged. */
  play(fromMs: number, toMs: number, sliceMs?: number): Promise<void>
  sent(): number
  bytes(): number
  close(): void
}

export const createSender = (options: {
  url: string
  token: string
  services: readonly Service[]
  traffic: Traffic
  random: Random
}): Sender => {
  const { services, traffic, random } = options
  const target = new URL(options.url)
  const head = requestHead('/v1/logs', target.host, options.token)
  const connections = Array.from({ length: CONNECTIONS }, () => openConnection(target.hostname, Number(target.port)))
  let sent = 0
  let bytes = 0
  let late: { readonly dueMs: number; readonly record: Rec }[] = []

  const post = async (connection: (typeof connections)[number], records: readonly Rec[]): Promise<void> => {
    const body = encode(services, records)
    for (;;) {
      const status = await connection.send(head, body)
      if (status === 200) break
      if (status !== 503 && status !== 429) throw new Error(`POST /v1/logs: ${status}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    sent += records.length
    bytes += body.length
  }
  const take = (fromMs: number, toMs: number, last: boolean): Rec[] => {
    const now: Rec[] = []
    for (const record of traffic.records(fromMs, toMs)) {
      if (!last && random.next() < LATE_SHARE) late.push({ dueMs: record.atMs + random.next() * MAX_LATE_MS, record })
      else now.push(record)
    }
    const due = late.filter((one) => last || one.dueMs < toMs)
    late = late.filter((one) => !last && one.dueMs >= toMs)
    return [...now, ...due.map((one) => one.record)]
  }
  return {
    play: async (fromMs, toMs, sliceMs = SLICE_MS) => {
      let next = fromMs
      const work = async (connection: (typeof connections)[number]): Promise<void> => {
        while (next < toMs) {
          const startMs = next
          next = Math.min(toMs, startMs + sliceMs)
          const records = take(startMs, next, next === toMs)
          if (records.length > 0) await post(connection, records)
        }
      }
      await Promise.all(connections.map(work))
      // What follows may come after the server has given up an idle connection.
      for (const connection of connections) connection.close()
    },
    sent: () => sent,
    bytes: () => bytes,
    close: () => {
      for (const connection of connections) connection.close()
    },
  }
}
