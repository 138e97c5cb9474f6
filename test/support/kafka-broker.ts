// A Kafka broker of a test's own, from Java and Maven alone: one node in KRaft mode on loopback ports. Its jars are fetched once into
// a cache outside the checkout. What it prints goes to a file beside its data.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from './free-port.ts'

export interface KafkaBroker {
  readonly brokers: string
  /** Of the listeners that ask who is there, over TLS; null unless asked for. */
  readonly secure: { readonly sasl: string; readonly mutual: string } | null
  pid(): number
  signal(name: NodeJS.Signals): void
  /** SIGKILL; resolves when it is gone. */
  kill9(): Promise<void>
  /** Starts it again on the same ports and data; resolves when it takes connections. */
  restart(): Promise<void>
  stop(): Promise<void>
}
interface Secure {
  readonly cert: string
  readonly key: string
  readonly username: string
  readonly password: string
}
export interface KafkaBrokerConfig {
  /** Of its data, its properties and what it prints. */
  readonly directory: string
  /** Free ones unless given. */
  readonly port?: number
  /** What clients are told to go to: the port of a proxy in between. */
  readonly advertisedPort?: number
  /** More lines of server.properties. */
  readonly properties?: Readonly<Record<string, string>>
  /** Adds a listener for users with passwords, by any mechanism, and one for clients with this certificate. PEM texts. */
  readonly secure?: Secure
  /** Runs for minutes and is measured, or what speaks to it is. */
  readonly isMeasured?: boolean
}

const VERSION = '4.1.1'
const MAVEN_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
const READY_MS = 60_000
const MAX_MESSAGE_BYTES = 22 * 1024 * 1024
const libraries = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lapwing', `kafka-${VERSION}`)
const run = promisify(execFile)

const runs = (command: string, argument: string): boolean => {
  try {
    execFileSync(command, [argument], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
/** What this machine lacks to run a broker, in words; null when nothing. Maven is wanted only until the jars are there. */
export const missingForKafka = (): string | null => {
  if (!runs('java', '-version')) return 'no Java'
  return existsSync(libraries) || runs('mvn', '-v') ? null : 'no Maven'
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`
/** Fetched aside and renamed into place: half a set of jars is never taken for a whole one. */
const fetchLibraries = async (): Promise<void> => {
  if (existsSync(libraries)) return
  const aside = `${libraries}.${process.pid}`
  mkdirSync(aside, { recursive: true })
  writeFileSync(join(aside, 'pom.xml'), pom)
  await run('mvn', ['-q', '-B', '-f', join(aside, 'pom.xml'), MAVEN_PLUGIN, '-DincludeScope=runtime', `-DoutputDirectory=${aside}`], {
    timeout: 10 * 60_000,
  })
  try {
    renameSync(aside, libraries)
  } catch (error) {
    // Another was first: its jars are as good.
    rmSync(aside, { recursive: true, force: true })
    if (!existsSync(libraries)) throw error
  }
}

interface Ports {
  readonly plain: number
  readonly controller: number
  readonly sasl: number
  readonly mutual: number
}
/** Listeners beyond the plain one, their protocols, and what each is set to. */
const secureListeners = ({ directory, secure }: KafkaBrokerConfig, ports: Ports) => {
  if (secure === undefined) return { listeners: '', protocols: '', settings: {} }
  const stores = [
    ['keystore', `${secure.key}${secure.cert}`],
    ['truststore', secure.cert],
  ].map(([name, text]) => {
    const file = join(directory, `${name}.pem`)
    writeFileSync(file, text)
    return [`ssl.${name}`, file] as const
  })
  const module = (name: string, users = ''): string => `org.apache.kafka.common.security.${name} required${users};`
  const settings = {
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl.plain.sasl.jaas.config': module('plain.PlainLoginModule', ` user_${secure.username}="${secure.password}"`),
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': module('scram.ScramLoginModule'),
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': module('scram.ScramLoginModule'),
    'listener.name.mutual.ssl.client.auth': 'required',
    ...Object.fromEntries(
      ['sasl', 'mutual'].flatMap((listener) =>
        stores.flatMap(([store, file]) => [
          [`listener.name.${listener}.${store}.type`, 'PEM'],
          [`listener.name.${listener}.${store}.location`, file],
        ]),
      ),
    ),
  }
  return {
    listeners: `,SASL://127.0.0.1:${ports.sasl},MUTUAL://127.0.0.1:${ports.mutual}`,
    protocols: ',SASL:SASL_SSL,MUTUAL:SSL',
    settings,
  }
}
/** SCRAM's users are rows of the cluster: written when its storage is made. */
const scramUsers = ({ username, password }: Secure): readonly string[] =>
  ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`])

const propertiesOf = (config: KafkaBrokerConfig, ports: Ports): string => {
  const { listeners, protocols, settings } = secureListeners(config, ports)
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${ports.plain},CONTROLLER://127.0.0.1:${ports.controller}${listeners}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${config.advertisedPort ?? ports.plain}${listeners}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(config.directory, 'data'),
    'auto.create.topics.enable': 'false',
    'message.max.bytes': String(MAX_MESSAGE_BYTES),
    'replica.fetch.max.bytes': String(MAX_MESSAGE_BYTES),
    'group.initial.rebalance.delay.ms': '0',
    // A broker that was killed is let in again when its session has ended: soon.
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '3000',
    // One node keeps one copy of everything.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'num.network.threads': '2',
    'num.io.threads': '4',
    ...settings,
    ...config.properties,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** The cheaper compiler: short tests never see what the better one would win. */
const SHORT_LIVED = ['-Xms256m', '-XX:TieredStopAtLevel=1']
/** Its pauses are not to be the clients': it has all of its memory before it begins. */
const MEASURED = ['-Xms768m', '-XX:+AlwaysPreTouch']

/** Kafka's own form, which may not begin with a dash. */
const clusterId = (): string => randomBytes(16).toString('base64url').replace(/[-_]/g, 'A')

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** @throws Error with the end of what it printed when it does not come up within a minute. */
export const startKafka = async (config: KafkaBrokerConfig): Promise<KafkaBroker> => {
  const missing = missingForKafka()
  if (missing !== null) throw new Error(`Kafka cannot be started: ${missing}`)
  await fetchLibraries()
  mkdirSync(config.directory, { recursive: true })
  const [free, controller, sasl, mutual] = await freePorts(4)
  const port = config.port ?? free
  const properties = join(config.directory, 'server.properties')
  const output = join(config.directory, 'kafka.log')
  const classPath = readdirSync(libraries)
    .filter((name) => name.endsWith('.jar'))
    .map((name) => join(libraries, name))
    .join(':')
  writeFileSync(properties, propertiesOf(config, { plain: port, controller, sasl, mutual }))
  if (!existsSync(join(config.directory, 'data', 'meta.properties'))) {
    await run('java', [
      '-Xmx128m',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      classPath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId(),
      '-c',
      properties,
      ...(config.secure === undefined ? [] : scramUsers(config.secure)),
    ])
  }
  let child: ChildProcess
  const start = async (): Promise<void> => {
    const file = openSync(output, 'a')
    const started = spawn(
      'java',
      [
        ...(config.isMeasured === true ? MEASURED : SHORT_LIVED),
        '-Xmx768m',
        '-XX:+UseG1GC',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
        '-cp',
        classPath,
        'kafka.Kafka',
        properties,
      ],
      { stdio: ['ignore', file, file] },
    )
    child = started
    for (const deadline = Date.now() + READY_MS; !(await takesConnections(port));) {
      if (started.exitCode !== null || Date.now() > deadline)
        throw new Error(`Kafka did not come up:\n${readFileSync(output, 'utf8').slice(-3000)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  await start()
  return {
    brokers: `127.0.0.1:${config.advertisedPort ?? port}`,
    secure: config.secure === undefined ? null : { sasl: `127.0.0.1:${sasl}`, mutual: `127.0.0.1:${mutual}` },
    pid: () => child.pid!,
    signal: (name) => {
      child.kill(name)
    },
    kill9: () => end('SIGKILL'),
    restart: start,
    stop: async () => {
      const forced = setTimeout(() => child.kill('SIGKILL'), 10_000)
      child.kill('SIGCONT')
      await end('SIGTERM')
      clearTimeout(forced)
    },
  }
}
