// Three servers and two of our processes of each role, as one thing that a suite can speak to and break.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createToken, reach, until, type Endpoints, type Reachable } from '../../bench/load/product.ts'
import { createMembers, ROLES, type Member, type Role } from './members.ts'
import { openServers, type Servers } from './servers.ts'

export interface Cluster extends Reachable {
  readonly servers: Servers
  readonly members: readonly Member[]
  of(role: Role): readonly Member[]
  /** Every process says that it can do its job. */
  ready(): Promise<void>
  /** What the processes printed last, each under its name. */
  output(): string
  close(): Promise<void>
}

const READY_MS = 40_000
const ALL_AT_ONCE = '1000000'

export const openCluster = async (options: {
  readonly postgresBin: string
  readonly each?: number
  readonly env?: Readonly<Record<string, string>>
  /** Of a disk of ClickHouse's own. */ readonly diskMegabytes?: number
}): Promise<Cluster> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-cluster-'))
  const token = createToken()
  const servers = await openServers(directory, options.postgresBin, options.diskMegabytes)
  const members = await createMembers(options.each ?? 2, {
    ...servers.env,
    LAPWING_SECRET_KEY: randomBytes(32).toString('base64url'),
    LAPWING_BOOTSTRAP_TOKEN: token,
    LAPWING_REQUESTS_PER_MINUTE: ALL_AT_ONCE,
    LAPWING_DATA_DIR: join(directory, 'unused'),
    ...options.env,
  })
  const of = (role: Role): readonly Member[] => members.filter((member) => member.role === role)
  const close = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.end()))
    await servers.close()
    rmSync(directory, { recursive: true, force: true })
  }
  const addresses = (): Endpoints => ({
    otlp: of('ingest')[0].otlp,
    alerts: of('ingest')[0].alerts,
    api: of('api')[0].api,
    clickhouse: servers.clickhouseUrl,
  })
  const reachable = reach({ token, readerPassword: servers.readerPassword, addresses })
  try {
    // The roles one after the other: the first to come makes the tables.
    for (const role of ROLES.toReversed()) await Promise.all(of(role).map((member) => member.start()))
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...reachable,
    servers,
    members,
    of,
    close,
    ready: () =>
      until('every process is ready', READY_MS, async () => (await Promise.all(members.map((member) => member.isReady()))).every(Boolean)),
    output: () => members.map((member) => `--- ${member.name}\n${member.output().slice(-1500)}`).join('\n'),
  }
}
