// Our processes of a cluster: two of each role, on ports that stay theirs over restarts, as behind a load balancer.
import { createLapwingProcess, type LapwingProcess } from '../../bench/load/child-process.ts'
import { freePorts } from '../support/free-port.ts'

export type Role = 'ingest' | 'worker' | 'api'
export const ROLES: readonly Role[] = ['ingest', 'worker', 'api']

export interface Member extends LapwingProcess {
  readonly role: Role
  /** ingest-0, worker-1, … */
  readonly name: string
  readonly admin: string
  /** Of its role only: what ingest and api listen on. */
  readonly otlp: string
  readonly alerts: string
  readonly api: string
  isReady(): Promise<boolean>
}

const url = (port: number): string => `http://127.0.0.1:${port}`

/** @param env what all of them share: the three servers, the secret key, the first token. */
export const createMember = async (role: Role, index: number, env: Readonly<Record<string, string>>): Promise<Member> => {
  const [admin, otlp, alerts, api] = await freePorts(4)
  const isReady = async (): Promise<boolean> => {
    try {
      return (await fetch(`${url(admin)}/health/ready`, { signal: AbortSignal.timeout(2000) })).status === 200
    } catch {
      return false
    }
  }
  const name = `${role}-${index}`
  const child = createLapwingProcess({
    isReady,
    env: {
      ...env,
      LAPWING_ROLE: role,
      LAPWING_INSTANCE_ID: name,
      LAPWING_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      LAPWING_OTLP_LISTEN: `127.0.0.1:${otlp}`,
      LAPWING_ALERTS_LISTEN: `127.0.0.1:${alerts}`,
      LAPWING_API_LISTEN: `127.0.0.1:${api}`,
    },
  })
  return { ...child, role, name, isReady, admin: url(admin), otlp: url(otlp), alerts: url(alerts), api: url(api) }
}

/** Two (or `each`) of each role, in the order in which they may be started. */
export const createMembers = async (each: number, env: Readonly<Record<string, string>>): Promise<readonly Member[]> => {
  const create = (role: Role, more: Readonly<Record<string, string>> = {}): Promise<Member[]> =>
    Promise.all(Array.from({ length: each }, (_, index) => createMember(role, index, { ...env, ...more })))
  const ingest = await create('ingest')
  return [...ingest, ...(await create('worker')), ...(await create('api', { LAPWING_PUBLIC_OTLP_URL: ingest[0].otlp }))]
}
