// What handlers are made of.
import type { Credentials } from '../credentials.ts'
import type { Intake } from '../intake.ts'
import type { LogBudget } from '../log-budget.ts'
import type { Metrics } from '../metrics.ts'
import type { Scanner } from '../scanner.ts'

export interface HandlerConfig {
  readonly maxBodyBytes: number
  readonly partitions: number
  /** Alerts without a token are the default tenant's. */
  readonly anonymousAlerts: boolean
}

export interface HandlerDeps {
  readonly intake: Intake
  readonly credentials: Credentials
  readonly scanner: Scanner
  readonly logBudget: LogBudget
  readonly metrics: Metrics
  readonly now: () => number
  /** Spreads log bodies over the partitions; of expanded bytes. */
  readonly nextPartition: (bytes: number) => number
}

export const wireLimit = (maxBodyBytes: number): string => `the body is larger than ${maxBodyBytes} bytes (LAPWING_MAX_BODY_BYTES)`
