// The one way of a body into the event log: length, admission, body, inflation, judgement, append. The original bytes are appended, or
// pieces of what they inflate to where one message cannot hold them; success means durable. Whoever waits longer than the deadline is
// told to come again, while the bytes stay counted until they have settled. Until an append no await lies between the receive time and
// its call, so that a mark with a later time in the same partition is behind it.
import type { Compression, Envelope, Format, Signal } from '../streams/contracts/envelope.ts'
import { TransientError } from '../streams/contracts/errors.ts'
import type { EventLog } from '../streams/contracts/event-log.ts'
import { maxEnvelopeBytes } from '../streams/envelope.ts'
import type { Piece } from '../streams/otlp/split.ts'
import type { Admission, Lease } from './admission.ts'
import { appendPieces } from './append-pieces.ts'
import { overloaded, tooLarge } from './failure.ts'
import type { Failure } from './failure.ts'
import type { BodyResult, Exchange } from './http/exchange.ts'
import { inflateBody } from './inflation.ts'
import type { Charge } from './log-budget.ts'
import type { CountedSignal, Metrics } from './metrics.ts'

export type AppendLog = Pick<EventLog, 'append' | 'partitions' | 'maxMessageBytes'>

export interface Log {
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface IntakeLimits {
  readonly maxBodyBytes: number
  readonly maxInflatedBytes: number
  readonly answerWithinMs: number
}
export interface IntakeDeps {
  readonly log: AppendLog
  readonly admission: Admission
  readonly metrics: Metrics
  readonly now: () => number
  readonly logger: Log
}

export interface Caller {
  readonly tenant: string
  readonly tokenId: string
}

/** What a judge found in the plain bytes; null from `partition` = nothing to append. */
export interface Judged<T> {
  readonly ok: true
  readonly value: T
  readonly format: Format
  readonly recordCount: number
  readonly expandedBytes: number
  readonly rejected: readonly number[]
  readonly reasons: Readonly<Record<string, number>>
  readonly partition: number | null
  /** The plain bytes in pieces that are bodies of their own; absent where they cannot be cut. */
  readonly split?: (
    maxBytes: number,
  ) => Promise<{ readonly ok: true; readonly format: Format; readonly pieces: readonly Piece[] } | Failure>
}

export interface IntakeRequest<T> {
  readonly signal: CountedSignal
  readonly caller: Caller
  readonly compression: Compression
  readonly maxBodyBytes: number
  readonly bodyLimit: string
  /** Takes the inflated bytes from a cap; absent = there is none. */
  readonly charge?: Pick<Charge, 'take' | 'giveBack'>
  readonly judge: (bytes: Uint8Array, receivedAtMs: number) => Judged<T> | Failure | Promise<Judged<T> | Failure>
}

/** Null: the client has gone before its body was whole. */
export type IntakeResult<T> = Judged<T> | Failure | null

export interface Intake {
  /** Call before the first await of a handler. */
  take<T>(exchange: Exchange, request: IntakeRequest<T>): Promise<IntakeResult<T>>
  /** Appends a message that has no body; null when durable. */
  hit(signal: Signal, partition: number, caller: Caller, subject: string): Promise<Failure | null>
  /** Settles when nothing is in flight any more. */
  idle(): Promise<void>
}

const BODYLESS_BYTES = 512
/** A client that still sends would meet a reset in place of the answer: the rest is read and thrown away, unless it is this many times the limit. */
const DISCARDED_LIMITS = 8

const toFailure = (error: unknown): Failure =>
  error instanceof TransientError
    ? overloaded(error.code === 'LOG_FULL' ? 'the event log is full' : 'the event log cannot take this now', error.retryAfterMs)
    : overloaded('the event log cannot take this now')

const bodyFailure = (reason: Extract<BodyResult, { ok: false }>['reason'], limit: string): Failure | null => {
  switch (reason) {
    case 'too_large':
      return tooLarge(limit)
    case 'overloaded':
      return overloaded('too many bytes are in flight')
    case 'stalled':
      return overloaded('the body stalled', 1000, true)
    case 'aborted':
      return null
  }
}

/** Null when durable. */
const append = async (partition: number, envelope: Envelope, body: Uint8Array, { log, logger }: IntakeDeps): Promise<Failure | null> => {
  try {
    await log.append({ partition, envelope, body })
    return null
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'UNKNOWN'
    if (code === 'MESSAGE_TOO_LARGE') return tooLarge('the body is larger than one message of the event log may be')
    if (!(error instanceof TransientError)) logger.error({ code, signal: envelope.signal }, 'append failed')
    return toFailure(error)
  }
}

/** The result of `work`, or a failure when it takes too long; it goes on then and sees `expired`. */
const withDeadline = async <T>(ms: number, work: (expired: () => boolean) => Promise<T>): Promise<T | Failure> => {
  let late = false
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<Failure>((resolve) => {
    timer = setTimeout(() => {
      late = true
      resolve(overloaded('not durable in time', 2000))
    }, ms)
  })
  try {
    return await Promise.race([work(() => late), deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** What goes on while pieces are appended; `onStored` hears of each that is durable. */
interface SplitWatch {
  readonly lease: Lease
  readonly expired: () => boolean
  readonly onStored: (bytes: number) => void
}

export const createIntake = (limits: IntakeLimits, deps: IntakeDeps): Intake => {
  const open = new Set<Promise<unknown>>()

  const track = <T>(work: Promise<T>): Promise<T> => {
    open.add(work)
    const forget = (): void => {
      open.delete(work)
    }
    work.then(forget, forget)
    return work
  }

  const inTime = <T>(work: (expired: () => boolean) => Promise<T>): Promise<T | Failure> =>
    withDeadline(limits.answerWithinMs, (expired) => track(work(expired)))

  const appendSplit = async <T>(
    bytes: Uint8Array,
    judged: Judged<T>,
    whole: Envelope,
    { lease, expired, onStored }: SplitWatch,
  ): Promise<Failure | null> => {
    const cut = await judged.split!(deps.log.maxMessageBytes - maxEnvelopeBytes({ ...whole, rejected: [] }))
    if (!cut.ok) return cut
    return await appendPieces(bytes, cut.pieces, {
      lease,
      expired,
      append: async ({ recordCount, expandedBytes, rejected }, piece) => {
        const envelope: Envelope = {
          ...whole,
          format: cut.format,
          compression: 'identity',
          receivedAtMs: deps.now(),
          recordCount,
          inflatedBytes: piece.length,
          expandedBytes,
          rejected,
        }
        const failure = await append(judged.partition!, envelope, piece, deps)
        if (failure === null) onStored(piece.length)
        return failure
      },
    })
  }

  const processBody = async <T>(
    body: Uint8Array,
    request: IntakeRequest<T>,
    lease: Lease,
    expired: () => boolean,
  ): Promise<Judged<T> | Failure> => {
    let charged = 0
    try {
      const inflated = await inflateBody(body, request.compression, limits.maxInflatedBytes, lease)
      if (!inflated.ok) return inflated
      const spent = request.charge?.take(inflated.bytes.length) ?? null
      if (spent !== null) return spent
      charged = inflated.bytes.length
      const receivedAtMs = deps.now()
      const judgement = request.judge(inflated.bytes, receivedAtMs)
      const judged = judgement instanceof Promise ? await judgement : judgement
      if (!judged.ok) return judged
      if (expired()) return overloaded('not durable in time')
      if (judged.partition !== null) {
        const envelope: Envelope = {
          signal: request.signal,
          format: judged.format,
          compression: request.compression,
          ...request.caller,
          receivedAtMs: judgement instanceof Promise ? deps.now() : receivedAtMs,
          recordCount: judged.recordCount,
          inflatedBytes: inflated.bytes.length,
          expandedBytes: judged.expandedBytes,
          rejected: judged.rejected,
          subject: '',
        }
        const fits = judged.split === undefined || body.length + maxEnvelopeBytes(envelope) <= deps.log.maxMessageBytes
        const onStored = (bytes: number): void => {
          charged = Math.max(0, charged - bytes)
        }
        const failure = await (fits
          ? append(judged.partition, envelope, body, deps)
          : appendSplit(inflated.bytes, judged, envelope, { lease, expired, onStored }))
        if (failure !== null) return failure
        charged = 0
      }
      deps.metrics.accepted(request.signal, {
        records: judged.recordCount,
        rejected: judged.reasons,
        bytes: body.length,
        inflatedBytes: inflated.bytes.length,
      })
      return judged
    } catch (error) {
      deps.logger.error({ error: String(error), signal: request.signal }, 'a body could not be processed')
      return overloaded('the body could not be processed')
    } finally {
      // What was not stored costs nothing.
      if (charged > 0) request.charge?.giveBack(charged)
      lease.release()
    }
  }

  return {
    take: async (exchange, request) => {
      const { contentLength } = exchange.request
      if (contentLength !== null && contentLength > request.maxBodyBytes)
        return tooLarge(request.bodyLimit, contentLength > request.maxBodyBytes * DISCARDED_LIMITS)
      const lease = deps.admission.tryReserve(contentLength ?? 0)
      if (lease === null) return overloaded('too many bytes are in flight')
      const body = await exchange.readBody(request.maxBodyBytes, lease)
      if (body.ok) {
        return inTime(async (expired) => {
          const result = await processBody(body.bytes, request, lease, expired)
          // What the log refused may still be on its way there.
          if (result.ok) body.giveBack()
          return result
        })
      }
      lease.release()
      return bodyFailure(body.reason, request.bodyLimit)
    },
    hit: async (signal, partition, caller, subject) => {
      const lease = deps.admission.tryReserve(BODYLESS_BYTES)
      if (lease === null) return overloaded('too many bytes are in flight')
      const envelope: Envelope = {
        signal,
        format: 'none',
        compression: 'identity',
        ...caller,
        receivedAtMs: deps.now(),
        recordCount: 1,
        inflatedBytes: 0,
        expandedBytes: 0,
        rejected: [],
        subject,
      }
      return inTime(() =>
        append(partition, envelope, new Uint8Array(0), deps).finally(() => {
          lease.release()
        }),
      )
    },
    idle: async () => {
      while (open.size > 0) await Promise.allSettled(open)
    },
  }
}
