// Ingest over an event log that lives in an array and can be held back or made to fail, with one known token of each kind.
import { hash } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { startIngest } from '../../ingest/ingest.ts'
import type { Ingest, IngestConfig } from '../../ingest/ingest.ts'
import type { NewMessage, Position } from '../../streams/contracts/event-log.ts'
import type { CredentialSnapshot, Principal } from '../../streams/contracts/principal.ts'

export const TOKEN = `obs_${'a'.repeat(43)}`
export const EXPIRED = `obs_${'b'.repeat(43)}`
/** May send 1,000 bytes of logs a day. */
export const CAPPED = `obs_${'e'.repeat(43)}`
/** May send one request a second. */
export const SLOW = `obs_${'f'.repeat(43)}`
export const READER = `obs_${'c'.repeat(43)}`
export const HEARTBEAT = 'd'.repeat(64)

const sha256 = (text: string): string => hash('sha256', text, 'hex')
const principal = (fields: Partial<Principal>): Principal => ({
  tenant: 'acme',
  userId: 'u1',
  email: '',
  role: 'member',
  tokenId: 't1',
  scopes: ['logs:write'],
  expiresAtMs: null,
  ...fields,
})

export const CREDENTIALS: CredentialSnapshot = {
  tokens: [
    [sha256(TOKEN), principal({})],
    [sha256(EXPIRED), principal({ tokenId: 't2', expiresAtMs: Date.now() - 1 })],
    [sha256(CAPPED), principal({ tokenId: 't-capped', dailyLogBytesLimit: 1000 })],
    [sha256(SLOW), principal({ tokenId: 't-slow', rateLimitRps: 1 })],
    [sha256(READER), principal({ tokenId: 't3', scopes: ['logs:read'] })],
  ],
  heartbeats: [[sha256(HEARTBEAT), { monitorId: 'mon-1', tenant: 'acme' }]],
}

export interface LogSink {
  readonly partitions: number
  readonly maxMessageBytes: number
  /** Everything appended but marks. */
  readonly messages: NewMessage[]
  readonly marks: NewMessage[]
  append(message: NewMessage): Promise<Position>
  /** Runs in place of the append, until set to null. */
  before: ((message: NewMessage) => Promise<void>) | null
}

export const createLogSink = (partitions = 2, maxMessageBytes = Infinity): LogSink => {
  const sink: LogSink = {
    partitions,
    maxMessageBytes,
    messages: [],
    marks: [],
    before: null,
    append: async (message) => {
      if (message.envelope.signal !== 'mark') await sink.before?.(message)
      const list = message.envelope.signal === 'mark' ? sink.marks : sink.messages
      list.push(message)
      return { partition: message.partition, offset: list.length }
    },
  }
  return sink
}

export interface Running {
  readonly ingest: Ingest
  readonly log: LogSink
  readonly otlp: number
  readonly alerts: number
  readonly faults: string[]
}

export const startTestIngest = async (overrides: Partial<IngestConfig> = {}, log = createLogSink()): Promise<Running> => {
  const faults: string[] = []
  const note = (fields: object, message: string): void => {
    faults.push(`${message} ${JSON.stringify(fields)}`)
  }
  const ingest = await startIngest(
    {
      otlpListen: { host: '127.0.0.1', port: 0 },
      alertsListen: { host: '127.0.0.1', port: 0 },
      alertsOpen: false,
      maxBodyBytes: 1024 * 1024,
      maxInflatedBytes: 4 * 1024 * 1024,
      maxInflightBytes: 16 * 1024 * 1024,
      maxSockets: 1000,
      ...overrides,
    },
    { log, logger: { info: note, warn: note, error: note } },
  )
  ingest.updateCredentials(CREDENTIALS)
  return { ingest, log, otlp: ingest.addresses.otlp.port, alerts: ingest.addresses.alerts.port, faults }
}

export interface Answered {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  readonly json: any
}

export interface SendOptions {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
  readonly chunks?: readonly Uint8Array[]
  readonly agent?: http.Agent
}

/** With a token and JSON unless told otherwise; `chunks` are sent chunked. */
export const send = (port: number, { method = 'POST', path, headers = {}, body, chunks, agent }: SendOptions): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        host: '127.0.0.1',
        method,
        path,
        agent,
        headers: { ...(chunks ? {} : { 'content-length': String(Buffer.byteLength(body ?? '')) }), ...headers },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => {
          parts.push(part)
        })
        response.on('end', () => {
          const whole = Buffer.concat(parts)
          let json: unknown = null
          try {
            json = JSON.parse(whole.toString())
          } catch {
            /* not JSON: the test looks at the bytes */
          }
          resolve({ status: response.statusCode!, headers: response.headers, body: whole, json })
        })
      },
    )
    request.on('error', reject)
    for (const chunk of chunks ?? []) request.write(chunk)
    request.end(body)
  })

export const bearer = { authorization: `Bearer ${TOKEN}` }
export const asJson = { ...bearer, 'content-type': 'application/json' }
export const asProtobuf = { ...bearer, 'content-type': 'application/x-protobuf' }

/** A connection by hand; `until` resolves with everything received once it matches. */
export const connect = (port: number) => {
  const socket = net.connect(port, '127.0.0.1')
  let received = ''
  let waiting: (() => void)[] = []
  const wake = (): void => {
    for (const done of waiting.splice(0)) done()
  }
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    wake()
  })
  socket.on('close', wake)
  socket.on('error', wake)
  return {
    socket,
    write: (data: string | Uint8Array) => {
      socket.write(data)
    },
    until: async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(received)) {
        if (socket.destroyed) throw new Error(`closed before ${pattern}: ${received}`)
        await new Promise<void>((done) => {
          waiting = [...waiting, done]
        })
      }
      return received
    },
  }
}

export const eventually = async (check: () => boolean, what: string, withinMs = 5000): Promise<void> => {
  const deadline = Date.now() + withinMs
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}
