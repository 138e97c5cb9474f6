// Why a message was set aside instead of stored: the one list of reasons, also the values of the metric's label.
// A reason is never repurposed, only added; what is special to one message goes into its detail.
import type { LogMessage } from './consumer-group.ts'

export const DEAD_LETTER_REASONS = {
  malformed: 'The body is not what its content type says, so no record could be read from it.',
  alerts_malformed: 'The body is not an alert payload of Alertmanager or Prometheus.',
  alerts_too_large: 'The alert body inflates to more than the limit.',
  decode_failed: 'The decoder failed on this message twice.',
  worker_died: 'A decode thread ended while it decoded this message alone, twice.',
  decode_timeout: 'Decoding this message alone took longer than the limit, twice.',
  killed_process: 'The process ended three times with this message at work, and a child process that decoded it alone ended twice.',
  store_rejected: 'The store refuses rows of this message, while it takes others.',
} as const satisfies Record<string, string>

export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS

/** Of the body, the first bytes are shown; all of it is kept. */
export const SHOWN_DEAD_LETTER_BYTES = 64 * 1024

/** A message that is set aside, with its place in the log. */
export interface SetAside {
  readonly partition: number
  readonly message: LogMessage
  readonly reason: DeadLetterReason
  readonly detail: string
}
