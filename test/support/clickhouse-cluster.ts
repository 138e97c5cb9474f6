// Two real ClickHouse servers that are one cluster of two shards, from the library that npm brings. It has listeners for HTTP and TCP, so
// Distributed tables are real. It has neither the interserver listener without which a replica stays read-only, nor the queue of
// ON CLUSTER: a front before each server sends such statements to both, and makes replicated engines plain ones.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseEngine } from '../../clickhouse/local/library.ts'
import { freePorts } from './free-port.ts'

export const HOSTS = ['127.0.0.1', '127.0.0.2'] as const
export interface ClickHouseCluster {
  /** `two`: two shards of one replica; `pair`: one shard of two, whose replicas know nothing of each other. */
  readonly names: { readonly two: string; readonly pair: string }
  /** The first node, as a client gets to it. */
  readonly url: string
  /** Statements as they came, of all nodes. */
  readonly statements: readonly string[]
  /** One statement on one node, past the fronts. */
  ask(node: number, sql: string): Promise<string>
  /** Nobody reaches the node any more through its front. */
  cutOff(node: number): Promise<void>
  stop(): Promise<void>
}

const USERS = `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password><profile>default</profile><quota>default</quota>
<networks><ip>127.0.0.0/8</ip></networks></default></users></clickhouse>`
const replica = (host: string, port: number): string => `<replica><host>${host}</host><port>${port}</port></replica>`
const serverXml = (
  usersFile: string,
  tcpPort: number,
): string => `<clickhouse><users_config>${usersFile}</users_config><tcp_port>${tcpPort}</tcp_port><max_server_memory_usage>1073741824</max_server_memory_usage>
<mark_cache_size>67108864</mark_cache_size><background_pool_size>2</background_pool_size><background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
<merge_tree><number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation><number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition></merge_tree>
<remote_servers><two>${HOSTS.map((host) => `<shard><internal_replication>true</internal_replication>${replica(host, tcpPort)}</shard>`).join('')}</two>
<pair><shard><internal_replication>true</internal_replication>${HOSTS.map((host) => replica(host, tcpPort)).join('')}</shard></pair></remote_servers></clickhouse>`

const toPlainNode = (sql: string): string =>
  sql
    .replace(/ ON CLUSTER `\w+`/, '')
    .replace(
      /ENGINE = Replicated(\w+)\('[^']*', '\{replica\}'(?:, (\w+))?\)/,
      (_, kind: string, argument?: string) => `ENGINE = ${kind}(${argument ?? ''})`,
    )

const forward = (
  host: string,
  port: number,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> =>
  new Promise((resolve, reject) => {
    const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = incoming.headers
    const outgoing = request(
      {
        host,
        port,
        method: incoming.method,
        path: incoming.url,
        headers: { ...headers, connection: 'close', 'content-length': body.byteLength },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })

export const startClickHouseCluster = async (): Promise<ClickHouseCluster> => {
  const directory = mkdtempSync(join(tmpdir(), 'lapwing-shards-'))
  const [frontPort, httpPort, tcpPort] = await freePorts(3)
  const engine = chooseEngine(null)
  const children: ChildProcess[] = []
  const fronts: Server[] = []
  const statements: string[] = []
  const usersFile = join(directory, 'users.xml')
  const configFile = join(directory, 'server.xml')
  writeFileSync(usersFile, USERS)
  writeFileSync(configFile, serverXml(usersFile, tcpPort))

  const ask = async (node: number, sql: string): Promise<string> => {
    const answer = await fetch(`http://${HOSTS[node]}:${httpPort}/`, { method: 'POST', body: sql, headers: { connection: 'close' } })
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
    return text.trim()
  }
  const serve = async (node: number, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const asked = new URL(incoming.url!, 'http://node').searchParams.get('query')
    const isStatement = asked === null
    const sql = isStatement ? body.toString() : asked
    statements.push(`${node}: ${sql}`)
    const everywhere = isStatement && sql.includes(' ON CLUSTER ')
    const targets = everywhere ? HOSTS : [HOSTS[node]]
    const answers = []
    for (const host of targets) answers.push(await forward(host, httpPort, incoming, everywhere ? Buffer.from(toPlainNode(sql)) : body))
    const { status, headers, body: text } = answers.find((answer) => answer.status !== 200) ?? answers[answers.length - 1]
    const { 'transfer-encoding': _encoding, 'content-length': _length, connection: _connection, ...kept } = headers
    outgoing.writeHead(status, { ...kept, 'content-length': text.byteLength })
    outgoing.end(text)
  }
  for (const [node, host] of HOSTS.entries()) {
    const path = join(directory, String(node))
    mkdirSync(path)
    const child = spawn(
      process.execPath,
      [
        '--no-warnings',
        join(import.meta.dirname, '../../clickhouse/local/child.ts'),
        JSON.stringify({ path, host, port: httpPort, configFile, parentPid: process.pid, engine }),
      ],
      { detached: true, stdio: 'ignore' },
    )
    children.push(child)
    for (const deadline = Date.now() + 20_000; (await ask(node, 'SELECT 1').catch(() => null)) === null;) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`node ${node} of the cluster did not start`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await ask(node, 'SYSTEM START LISTEN TCP')
    const front = createServer((incoming, outgoing) => {
      serve(node, incoming, outgoing).catch(() => outgoing.destroy())
    }).listen(frontPort, host)
    await once(front, 'listening')
    fronts.push(front)
  }
  const cutOff = async (node: number): Promise<void> => {
    if (!fronts[node].listening) return
    fronts[node].closeAllConnections()
    fronts[node].close()
    await once(fronts[node], 'close')
  }
  return {
    names: { two: 'two', pair: 'pair' },
    url: `http://${HOSTS[0]}:${frontPort}`,
    statements,
    ask,
    cutOff,
    stop: async () => {
      for (const node of fronts.keys()) await cutOff(node)
      for (const child of children) {
        const gone = once(child, 'exit')
        if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await gone
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
