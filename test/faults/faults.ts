// What can go wrong in a cluster, one at a time: a process of any kind is killed or stands still, the line to a server goes
// quiet. Each fault names what it hits; afterwards everything runs again.
import type { Cluster } from '../cluster/cluster.ts'
import { ROLES, type Member, type Role } from '../cluster/members.ts'
import { SERVERS, type ServerName } from '../cluster/servers.ts'
import { pause } from '../kill/attempts.ts'

export interface Fault {
  readonly name: string
  /** Resolves when it is over; recovery is not waited for. */
  inflict(cluster: Cluster, random: () => number): Promise<void>
}

const STANDSTILL_MS = 10_000
const memberOf = (cluster: Cluster, role: Role, random: () => number): Member => {
  const members = cluster.of(role)
  return members[Math.floor(random() * members.length)]
}

const killMember = (role: Role): Fault => ({
  name: `kill -9 ${role}`,
  inflict: async (cluster, random) => {
    const member = memberOf(cluster, role, random)
    member.kill('SIGKILL')
    await member.exited()
    // As long as a supervisor may take to see it.
    await pause(random() * 3000)
    await member.start()
  },
})
const stopMember = (role: Role): Fault => ({
  name: `SIGSTOP ${role} 10 s`,
  inflict: async (cluster, random) => {
    const member = memberOf(cluster, role, random)
    member.kill('SIGSTOP')
    await pause(STANDSTILL_MS)
    member.kill('SIGCONT')
  },
})
const crashServer = (server: ServerName): Fault => ({
  name: `kill -9 ${server}`,
  inflict: (cluster) => cluster.servers.all[server].crash(),
})
const stopServer = (server: ServerName): Fault => ({
  name: `SIGSTOP ${server} 10 s`,
  inflict: async (cluster) => {
    await cluster.servers.all[server].signal('SIGSTOP')
    await pause(STANDSTILL_MS)
    await cluster.servers.all[server].signal('SIGCONT')
  },
})
const pauseLine = (server: ServerName): Fault => ({
  name: `line to ${server} quiet 10 s`,
  inflict: async (cluster) => {
    const { proxy } = cluster.servers.all[server]
    proxy.pause()
    await pause(STANDSTILL_MS)
    proxy.resume()
  },
})
const cutLine = (server: ServerName): Fault => ({
  name: `line to ${server} cut`,
  inflict: async (cluster) => {
    cluster.servers.all[server].proxy.cut()
  },
})

const fillDisk = (server: ServerName): Fault => ({
  name: `disk of ${server} full 10 s`,
  inflict: async (cluster) => {
    const { disk } = cluster.servers.all[server]
    disk?.fill()
    await pause(STANDSTILL_MS)
    disk?.free()
  },
})

const kills: readonly Fault[] = [...ROLES.map(killMember), ...SERVERS.map(crashServer)]
/** The first six are one of each process. */
export const FAULTS: readonly Fault[] = [
  ...kills,
  ...ROLES.map(stopMember),
  ...SERVERS.flatMap((server) => [stopServer(server), pauseLine(server), cutLine(server)]),
  fillDisk('clickhouse'),
]
/** Those that this cluster can be done to. */
export const possibleFaults = (cluster: Cluster, faults: readonly Fault[]): readonly Fault[] =>
  faults.filter(({ name }) => !name.startsWith('disk of') || cluster.servers.all.clickhouse.disk !== null)
