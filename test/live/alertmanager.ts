// Alertmanager and Prometheus from Debian's packages: a firing alert becomes an anomaly and an incident with its analysis, and
// both end when the alert does; through Alertmanager's webhook, and from Prometheus straight to us.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import { expectEqual, type Checks, type LiveSuite } from './checks.ts'
import { freePorts } from '../support/free-port.ts'
import { findDebianProgram, runStep, startProgram, type Command, type Running } from './program.ts'

interface Incident {
  id: string
  status: string
  services: string[]
  autoResolved: boolean
  signals: { kind: string; id: string; summary: string }[]
}
interface Anomaly {
  anomaly_id: string
  metric_name: string
  resolved: boolean
  rca_triggered: boolean
}

const deployed = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')

/** The alert rules and the scrape configuration that others copy, by Prometheus' own checker. */
const checkRules = async (checks: Checks, prometheus: Command, directory: string): Promise<void> => {
  const promtool = [...prometheus.slice(0, -1), prometheus.at(-1)!.replace(/prometheus$/, 'promtool')] as unknown as Command
  for (const file of ['rules.yml', 'prometheus.yml']) writeFileSync(join(directory, file), deployed(`prometheus/${file}`))
  await checks.check('promtool takes deploy/prometheus', async () => {
    const checked = runStep(promtool[0], [...promtool.slice(1), 'check', 'config', join(directory, 'prometheus.yml')], {
      timeoutMs: 20_000,
    })
    if (!checked.ok) throw new Error(checked.reason)
  })
}

const start = ([command, ...args]: Command, options: readonly string[]): Running => startProgram(command, [...args, ...options])

const incidentOf = async (product: Product, service: string): Promise<Incident | undefined> =>
  ((await (await product.api('/api/v1/incidents')).json()) as { incidents: Incident[] }).incidents.find((one) =>
    one.services.includes(service),
  )
const anomaliesOf = async (product: Product, service: string): Promise<Anomaly[]> =>
  ((await (await product.api(`/api/v1/anomalies?service_id=${service}`)).json()) as { anomalies: Anomaly[] }).anomalies

const expectOpen = async (product: Product, service: string, alertname: string, summary: string): Promise<void> => {
  await until('the incident is open', 20_000, async () => (await incidentOf(product, service))?.status === 'open')
  const incident = (await incidentOf(product, service))!
  const [anomaly] = await anomaliesOf(product, service)
  expectEqual('anomaly', [anomaly.metric_name, anomaly.resolved, anomaly.rca_triggered], [alertname, false, true])
  expectEqual(
    'signals',
    incident.signals.map(({ kind, id }) => [kind, id]),
    [['alert', anomaly.anomaly_id]],
  )
  if (!incident.signals[0].summary.includes(summary)) throw new Error(`the summary is ${incident.signals[0].summary}`)
  expectEqual('analysis', (await product.api(`/api/v1/incidents/${incident.id}/analysis`)).status, 200)
}
const expectResolved = async (product: Product, service: string, withinMs = 20_000): Promise<void> => {
  await until('the incident is resolved', withinMs, async () => (await incidentOf(product, service))?.status === 'resolved')
  await until('the anomaly is resolved', 5000, async () => (await anomaliesOf(product, service)).every((one) => one.resolved))
  expectEqual('resolved by itself', (await incidentOf(product, service))!.autoResolved, true)
}

const checkAlertmanager = async (checks: Checks, product: Product, command: Command, directory: string): Promise<void> => {
  const [port] = await freePorts(1)
  // The file that others copy, in a hurry and with our address and token in it.
  writeFileSync(join(directory, 'token'), product.token)
  writeFileSync(
    join(directory, 'alertmanager.yml'),
    deployed('clients/alertmanager.yml')
      .replace('http://127.0.0.1:19093', product.addresses().alerts)
      .replace('/etc/lapwing/token', join(directory, 'token'))
      .replace('group_wait: 10s', 'group_wait: 100ms')
      .replace('group_interval: 30s', 'group_interval: 1s'),
  )
  const address = `127.0.0.1:${port}`
  const running = start(command, [
    '--config.file',
    join(directory, 'alertmanager.yml'),
    '--storage.path',
    join(directory, 'alertmanager'),
    '--web.listen-address',
    address,
    '--cluster.listen-address=',
  ])
  const startsAt = new Date(Date.now() - 5000).toISOString()
  const send = async (endsAt?: string): Promise<void> => {
    const alert = {
      labels: { alertname: 'HighErrorRate', service: 'checkout', severity: 'critical' },
      annotations: { summary: '5xx > 5%' },
      startsAt,
      ...(endsAt === undefined ? {} : { endsAt }),
    }
    const answer = await fetch(`http://${address}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([alert]),
    })
    expectEqual('answer of Alertmanager', answer.status, 200)
  }
  try {
    const ready = () =>
      until('it answers', 20_000, async () => {
        if (running.child.exitCode !== null) throw new Error(running.output().slice(-300))
        return (await fetch(`http://${address}/-/ready`)).ok
      })
    if (!(await checks.check('Alertmanager starts', ready))) return
    await checks.check('Alertmanager, firing: an anomaly with its analysis and an open incident', async () => {
      await send()
      await expectOpen(product, 'checkout', 'HighErrorRate', '5xx > 5%')
    })
    await checks.check('Alertmanager, resolved: both end', async () => {
      await send(new Date().toISOString())
      await expectResolved(product, 'checkout')
    })
  } finally {
    await running.stop()
  }
}

const checkPrometheus = async (checks: Checks, product: Product, command: Command, directory: string): Promise<void> => {
  await checkRules(checks, command, directory)
  // Prometheus begins to send about 6 s after its start.
  const endSeconds = Math.ceil(Date.now() / 1000) + 20
  const rule = (alert: string, service: string, expr: string) => ({
    alert,
    expr,
    labels: { service, severity: 'page' },
    annotations: { summary: `${service} is slow` },
  })
  writeFileSync(
    join(directory, 'rules.yml'),
    JSON.stringify({
      groups: [
        {
          name: 'test',
          interval: '1s',
          rules: [rule('Passing', 'cart', `vector(time()) < ${endSeconds}`), rule('Lasting', 'search', 'vector(1) > 0')],
        },
      ],
    }),
  )
  writeFileSync(
    join(directory, 'prometheus.yml'),
    JSON.stringify({
      global: { evaluation_interval: '1s' },
      rule_files: [join(directory, 'rules.yml')],
      alerting: {
        alertmanagers: [
          {
            api_version: 'v2',
            authorization: { credentials: product.token },
            static_configs: [{ targets: [new URL(product.addresses().alerts).host] }],
          },
        ],
      },
    }),
  )
  const [port] = await freePorts(1)
  const running = start(command, [
    '--config.file',
    join(directory, 'prometheus.yml'),
    '--storage.tsdb.path',
    join(directory, 'prometheus'),
    '--web.listen-address',
    `127.0.0.1:${port}`,
    '--rules.alert.resend-delay=2s',
  ])
  try {
    await checks.check('Prometheus straight, firing: an anomaly with its analysis and an open incident', () =>
      expectOpen(product, 'cart', 'Passing', 'cart is slow'),
    )
    await checks.check('Prometheus straight, no longer firing: both end, and the other alert stays', async () => {
      await expectResolved(product, 'cart', 40_000)
      expectEqual('the other incident', (await incidentOf(product, 'search'))?.status, 'open')
    })
    await running.stop()
    await checks.check('Prometheus gone: its alert ends when the endsAt that it sent last has passed', () =>
      expectResolved(product, 'search', 40_000),
    )
  } finally {
    await running.stop()
  }
}

export const alertmanager: LiveSuite = {
  name: 'Alertmanager and Prometheus',
  run: async (checks) => {
    const suites = [
      ['prometheus-alertmanager', checkAlertmanager],
      ['prometheus', checkPrometheus],
    ] as const
    for (const [name, run] of suites) {
      const found = findDebianProgram(name, `bin/${name}`)
      if (!found.ok) {
        checks.skip(name, found.reason)
        continue
      }
      const directory = mkdtempSync(join(tmpdir(), 'lapwing-alerts-'))
      const product = createProduct()
      try {
        await product.start()
        await run(checks, product, found.client, directory)
      } finally {
        await product.dispose()
        rmSync(directory, { recursive: true, force: true })
      }
    }
  },
}
