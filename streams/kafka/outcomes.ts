// What both drivers make of how a request to Kafka went, whichever client sent it.
import { PermanentError, TransientError } from '../contracts/errors.ts'
import type { Outgoing } from './driver.ts'
import { GroupError, type GroupVerdict } from './group-protocol.ts'

/** The group's verdicts among Kafka's names of errors; any other may pass. */
export const VERDICTS: Readonly<Record<string, GroupVerdict>> = {
  FENCED_INSTANCE_ID: 'name taken',
  UNKNOWN_MEMBER_ID: 'unknown member',
  ILLEGAL_GENERATION: 'unknown member',
  REBALANCE_IN_PROGRESS: 'rejoin',
}
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

/** What was tried, and why each try failed: clients wrap the one in the other. */
const chainOf = (error: unknown, known = new Set<unknown>()): readonly Error[] => {
  if (!(error instanceof Error) || known.has(error)) return []
  known.add(error)
  return [error, ...[...((error as AggregateError).errors ?? []), error.cause].flatMap((one) => chainOf(one, known))]
}
/** Which settings decide it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/authentication/i, 'see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'],
  [/certificate|SELF_SIGNED|UNABLE_TO_VERIFY/i, 'see KAFKA_TLS_CA, KAFKA_TLS_CERT and KAFKA_TLS_KEY'],
]
const textOf = ({ message }: Error): string => message.replace(/\.$/, '')
const describe = (error: unknown): string => {
  const chain = chainOf(error)
  if (chain.length === 0) return String(error)
  for (const [pattern, hint] of HINTS) {
    const reason = chain.findLast((one) => pattern.test(`${(one as { code?: string }).code ?? one.name} ${one.message}`))
    if (reason !== undefined) return `${textOf(chain[0])}: ${textOf(reason)} (${hint})`
  }
  const [tried, reason] = [textOf(chain[0]), textOf(chain.at(-1)!)]
  return reason === tried ? tried : `${tried}: ${reason}`
}

/** What is no error of ours yet may pass. */
export const toLogError = (error: unknown): Error =>
  error instanceof TransientError || error instanceof PermanentError || error instanceof GroupError
    ? error
    : new TransientError('LOG_IO', `Kafka: ${describe(error)}`, 1000, { cause: error })

/** @param hasCode whether the error carries this one of Kafka's names. */
export const toSendError = (error: unknown, hasCode: (name: string) => boolean): Error =>
  TOO_LARGE.some(hasCode) ? new PermanentError('MESSAGE_TOO_LARGE', 'the broker takes no message of this size') : toLogError(error)

/** One batch per partition was sent: offset of each message by the first one of its partition; null where that is not known. */
export const offsetsOf = (
  messages: readonly Pick<Outgoing, 'partition'>[],
  firsts: Iterable<readonly [partition: number, first: number]>,
): readonly (number | null)[] => {
  const next = new Map(firsts)
  return messages.map(({ partition }) => {
    const offset = next.get(partition)
    if (offset === undefined) return null
    next.set(partition, offset + 1)
    return offset
  })
}

/** The same memory as a Buffer, as clients want it. */
export const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A driver tries again after as long, as often as fits into SEND_MS. */
export const RETRY_MS = 500
/** One message, however large, comes whole. */
export const PEEK_BYTES = 1
export const NOTHING = Buffer.alloc(0)
