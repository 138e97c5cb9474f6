// Which addresses may be called. Public ones only, unless the operator names others; what an API caller gives never uses
// the operator's list. Pure; the only file that imports ipaddr.js.
import ipaddr from 'ipaddr.js'

type Network = ReturnType<typeof ipaddr.parseCIDR>
/** What `LAPWING_EGRESS_ALLOW` names: hosts with their port, and networks. */
export interface AllowList {
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly networks: readonly Network[]
}
export const NOTHING_ALLOWED: AllowList = { hosts: [], networks: [] }

/** host:port or CIDR, separated by commas. The text of the first entry that is neither, else the list. */
export const parseAllowList = (text: string): AllowList | string => {
  const hosts: { host: string; port: number }[] = []
  const networks: Network[] = []
  for (const entry of text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')) {
    const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(entry) ?? []
    if (host !== undefined && Number(port) <= 65_535) hosts.push({ host: bare(host), port: Number(port) })
    else if (ipaddr.isValidCIDR(entry)) networks.push(ipaddr.parseCIDR(entry))
    else return entry
  }
  return { hosts, networks }
}

/** Without the brackets of IPv6 and the dot of a rooted name, in lower case. */
export const bare = (host: string): string =>
  host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()

/** Mapped, 6to4, NAT64 and every other disguise have ranges of their own, so they are not unicast. */
export const isPublic = (address: string): boolean => ipaddr.isValid(address) && ipaddr.parse(address).range() === 'unicast'

export const isAllowed = (list: AllowList, host: string, port: number, address: string): boolean => {
  if (list.hosts.some((one) => one.port === port && one.host === bare(host))) return true
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return list.networks.some((network) => network[0].kind() === parsed.kind() && parsed.match(network as never))
}
