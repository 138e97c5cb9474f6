// What people say of anomalies and of series: shown, kept within the tenant, and taken back by the call that the answer names.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDetectionRules } from '../../api/services/detection-rules.ts'
import { bearer, NOW, openHarness, type Harness } from './harness.ts'

let api: Harness
beforeAll(async () => {
  api = await openHarness()
})
afterAll(async () => {
  await api.close()
})
const anomaly = {
  anomaly_id: 'anom-1',
  kind: 'anomaly',
  service_id: 'cart',
  metric_name: 'log.rate',
  anomaly_score: 0.9,
  z_score: 6,
  detected_at_ms: String(NOW),
  started_at_ms: String(NOW - 20_000),
  resolved_at_ms: '0',
  resolved: 0,
  rca_triggered: 1,
  observed: 80,
  expected: 20,
  lower: 10,
  upper: 30,
  history: 400,
  signal: 'rolling_z',
  direction: 1,
  summary: 'cart: log records up',
}
beforeEach(async () => {
  await api.store.query('DELETE FROM anomaly_feedback')
  await api.store.query('DELETE FROM detection_settings')
  api.answer = ({ name, params }) => {
    if (name === 'anomalies.by_id')
      return params.tenant !== 'a'
        ? []
        : [{ ...anomaly, anomaly_id: params.id, ...(params.id === 'anom-alert' ? { kind: 'alert', direction: 0 } : {}) }]
    if (name === 'anomalies.similar') return [{ total: '7', ids: ['anom-5', 'anom-4'] }]
    if (name === 'series.points_of_series')
      return [
        { at: NOW / 1000 - 10, count: '80', sum: 80, expected: 20, lower: 10, upper: 30 },
        { at: NOW / 1000, count: '81', sum: 81, expected: null, lower: null, upper: null },
      ]
    return []
  }
})

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
const call = async (method: Method, url: string, payload?: object, who = 'owner') => {
  const reply = await api.app.inject({ method, url, headers: bearer(who), ...(payload === undefined ? {} : { payload }) })
  return {
    status: reply.statusCode,
    said: reply.body === '' ? {} : reply.json(),
    undo: reply.headers['x-undo'] === undefined ? null : JSON.parse(String(reply.headers['x-undo'])),
  }
}
const noise = (id: string, who = 'owner') =>
  call('POST', `/api/v1/anomalies/${id}/feedback`, { verdict: 'noise', note: 'the nightly report' }, who)
const factor = async () => (await call('GET', '/api/v1/anomalies/anom-1')).said.detection.threshold_factor
const ruleOf = async (tenant = 'a', service = 'cart', metric = 'log.rate') =>
  (await createDetectionRules(api.store)())(tenant, service)?.(metric)

test('one anomaly tells what was expected, the points around it, earlier ones like it and how its series is judged', async () => {
  const { status, said } = await call('GET', '/api/v1/anomalies/anom-1')
  expect(status).toBe(200)
  expect(said).toMatchObject({
    anomaly_id: 'anom-1',
    observed: 80,
    expected: 20,
    lower: 10,
    upper: 30,
    history: 400,
    direction: 'up',
    feedback: null,
    similar: { total: 7, anomaly_ids: ['anom-5', 'anom-4'] },
    detection: {
      sensitivity: { value: 1, from: 'default' },
      direction: { value: 'both', from: 'default' },
      ignored: { value: false, from: 'default' },
      noise_marks: { up: 0, down: 0 },
      threshold_factor: { up: 1, down: 1 },
    },
  })
  expect(said.points).toEqual([
    { at: new Date(NOW - 10_000).toISOString(), value: 80, count: 80, expected: 20, lower: 10, upper: 30 },
    { at: new Date(NOW).toISOString(), value: 81, count: 81, expected: null, lower: null, upper: null },
  ])
  expect((await call('GET', '/api/v1/anomalies/anom-1', undefined, 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
})

test('each noise raises the threshold of the series on its side by a quarter, at most four times, and the watchdog is told', async () => {
  const first = await noise('anom-1')
  expect(first.said).toMatchObject({
    verdict: 'noise',
    note: 'the nightly report',
    by: 'a@example.test',
    detection: { noise_marks: { up: 1, down: 0 }, threshold_factor: { up: 1.25, down: 1 } },
    undo: { possible: true, method: 'DELETE', path: '/api/v1/anomalies/anom-1/feedback' },
  })
  await noise('anom-1')
  expect(await factor()).toEqual({ up: 1.25, down: 1 })
  for (let at = 2; at <= 9; at++) await noise(`anom-${at}`)
  expect(await factor()).toEqual({ up: 4, down: 1 })
  expect(await ruleOf()).toEqual({ sensitivity: 1, direction: null, ignored: false, noiseFactor: { up: 4, down: 1 } })
  expect([await ruleOf('b'), await ruleOf('a', 'payments'), (await ruleOf('a', 'cart', 'log.error_rate'))?.noiseFactor]).toEqual([
    undefined,
    undefined,
    { up: 1, down: 1 },
  ])
})

test('taking it back, or calling it real, undoes exactly that', async () => {
  await noise('anom-1')
  const {
    said: { undo },
  } = await noise('anom-2')
  expect(await factor()).toEqual({ up: 1.5625, down: 1 })
  const gone = await call(undo.method, undo.path)
  expect([gone.status, await factor()]).toEqual([204, { up: 1.25, down: 1 }])
  await call(gone.undo.method, gone.undo.path, gone.undo.body)
  expect(await factor()).toEqual({ up: 1.5625, down: 1 })
  const real = await call('POST', '/api/v1/anomalies/anom-1/feedback', { verdict: 'real' })
  expect([real.said.verdict, await factor()]).toEqual(['real', { up: 1.25, down: 1 }])
  await call(real.said.undo.method, real.said.undo.path, real.said.undo.body)
  expect((await call('GET', '/api/v1/anomalies/anom-1')).said).toMatchObject({
    feedback: { verdict: 'noise', note: 'the nightly report' },
    detection: { threshold_factor: { up: 1.5625 } },
  })
})

test('feedback is refused of alerts, of what another tenant has, and of who may only read', async () => {
  expect((await noise('anom-alert')).said).toMatchObject({ code: 'FEEDBACK_NOT_APPLICABLE' })
  expect((await noise('anom-1', 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
  expect((await noise('anom-1', 'viewer')).said).toMatchObject({ code: 'ROLE_INSUFFICIENT' })
  await noise('anom-1')
  expect((await call('DELETE', '/api/v1/anomalies/anom-1/feedback', undefined, 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
  expect(await factor()).toEqual({ up: 1.25, down: 1 })
})

const SETTINGS = '/api/v1/detection/settings'
test('a series is judged as it is set, else as its service is, else by default, and each part says which', async () => {
  await call('PUT', SETTINGS, { service_id: 'cart', sensitivity: 0.5, ignored: true })
  await call('PUT', SETTINGS, { service_id: 'cart', metric_name: 'log.rate', direction: 'down', ignored: false })
  const { said } = await call('GET', `${SETTINGS}?service_id=cart&metric_name=log.rate`)
  expect(said.effective).toEqual({
    sensitivity: { value: 0.5, from: 'service' },
    direction: { value: 'down', from: 'series' },
    ignored: { value: false, from: 'series' },
    noise_marks: { up: 0, down: 0 },
    threshold_factor: { up: 2, down: 2 },
  })
  expect(said.settings).toHaveLength(2)
  expect([await ruleOf(), (await ruleOf('a', 'cart', 'attr.ms'))?.ignored]).toEqual([
    { sensitivity: 0.5, direction: 'down', ignored: false, noiseFactor: { up: 1, down: 1 } },
    true,
  ])
  expect((await call('GET', SETTINGS, undefined, 'other')).said).toEqual({ settings: [] })
})

test('what was set is put back by the call that the change names', async () => {
  const made = await call('PUT', SETTINGS, { service_id: 'a/b c', metric_name: 'attr.x y', sensitivity: 2 })
  const changed = await call('PUT', SETTINGS, { service_id: 'a/b c', metric_name: 'attr.x y', direction: 'both' })
  const list = async () => (await call('GET', SETTINGS)).said.settings
  expect(await list()).toMatchObject([{ service_id: 'a/b c', metric_name: 'attr.x y', sensitivity: null, direction: 'both' }])
  await call(changed.said.undo.method, changed.said.undo.path, changed.said.undo.body)
  expect(await list()).toMatchObject([{ sensitivity: 2, direction: null }])
  const removed = await call(made.said.undo.method, made.said.undo.path)
  expect([removed.status, await list()]).toEqual([204, []])
  await call(removed.undo.method, removed.undo.path, removed.undo.body)
  expect(await list()).toMatchObject([{ sensitivity: 2, direction: null }])
  expect((await call('PUT', SETTINGS, { service_id: 'cart' })).said).toMatchObject({ code: 'VALIDATION_FAILED' })
  expect((await call('DELETE', `${SETTINGS}?service_id=nobody`)).said).toMatchObject({ code: 'NOT_FOUND' })
})

test('a dry run of either changes nothing, and each change is in the audit trail', async () => {
  expect((await call('PUT', `${SETTINGS}?dry_run=true`, { service_id: 'cart', ignored: true })).said).toMatchObject({
    dryRun: true,
    changes: [{ action: 'SET_DETECTION' }],
  })
  expect((await call('POST', '/api/v1/anomalies/anom-1/feedback?dry_run=true', { verdict: 'noise' })).said).toMatchObject({
    dryRun: true,
    changes: [{ action: 'GIVE_ANOMALY_FEEDBACK' }],
  })
  expect([await ruleOf(), await factor()]).toEqual([undefined, { up: 1, down: 1 }])
})

test('rules are read again when another changed them, and stay when the store is away', async () => {
  const load = createDetectionRules(api.store, { lookEveryMs: 0 })
  expect((await load())('a', 'cart')).toBeUndefined()
  await call('PUT', SETTINGS, { service_id: 'cart', ignored: true })
  expect((await load())('a', 'cart')?.('log.rate').ignored).toBe(true)
  let away = false
  const flaky = createDetectionRules(
    { ...api.store, query: (sql, params) => (away ? Promise.reject(new Error('away')) : api.store.query(sql, params)) },
    { lookEveryMs: 0 },
  )
  await flaky()
  away = true
  expect((await flaky())('a', 'cart')?.('log.rate').ignored).toBe(true)
  await expect(createDetectionRules({ ...api.store, query: () => Promise.reject(new Error('away')) })()).rejects.toThrow('away')
})

test('a series is given in steps with the band, and not in more points than fit', async () => {
  const { said } = await call('GET', '/api/v1/series?service=cart&metric=log.rate&from=now-1h&step=20')
  expect(said).toMatchObject({
    service: 'cart',
    metric: 'log.rate',
    stepSeconds: 20,
    points: [{ value: 40, count: 80, expected: 20 }, { expected: null }],
  })
  expect(api.asked.at(-1)).toMatchObject({ params: { tenant: 'a', service: 'cart', metric: 'log.rate', step: 20 } })
  expect((await call('GET', '/api/v1/series?service=cart&metric=log.rate&from=now-7d')).said.stepSeconds).toBe(310)
  for (const step of ['15', '0', 'x', '10'])
    expect([step, (await call('GET', `/api/v1/series?service=cart&metric=log.rate&from=now-7d&step=${step}`)).said]).toMatchObject([
      step,
      { code: 'VALIDATION_FAILED' },
    ])
})

test('anomalies of one incident are one row with its members when that is asked for, and name it in any case', async () => {
  await api.store.query(
    "INSERT INTO incidents (id, tenant, number, title, severity, status, opened_at) VALUES ('inc_g', 'a', 90, 't', 'major', 'open', now())",
  )
  for (const id of ['anom-g1', 'anom-g2', 'anom-g3']) {
    await api.store.query(
      "INSERT INTO incident_signals (tenant, kind, signal_id, incident_id, service, summary, severity, started_at, neighbours) VALUES ('a', 'anomaly', $1, 'inc_g', $2, $3, 'major', now(), '[]')",
      [id, `svc-${id}`, `${id} up`],
    )
  }
  const scores = { 'anom-g1': 0.7, 'anom-alone': 0.6, 'anom-g2': 0.9 }
  api.answer = ({ name }) =>
    name === 'anomalies.count'
      ? [{ total: '3' }]
      : Object.entries(scores).map(([anomaly_id, anomaly_score]) => ({
          ...anomaly,
          anomaly_id,
          anomaly_score,
          signals: [{ name: 'rolling_z', share: 1 }],
        }))
  const plain = (await call('GET', '/api/v1/anomalies')).said.anomalies
  expect(plain.map((one: Record<string, unknown>) => [one.anomaly_id, one.group_id, one.members])).toEqual([
    ['anom-g1', 'inc_g', undefined],
    ['anom-alone', null, undefined],
    ['anom-g2', 'inc_g', undefined],
  ])
  expect(plain[0].signals).toEqual([{ name: 'rolling_z', share: 1 }])
  const grouped = (await call('GET', '/api/v1/anomalies?group=true')).said
  expect(
    grouped.anomalies.map((one: { anomaly_id: string; members: { anomaly_id: string }[] }) => [
      one.anomaly_id,
      one.members.map((member) => member.anomaly_id),
    ]),
  ).toEqual([
    ['anom-g2', ['anom-g1', 'anom-g2', 'anom-g3']],
    ['anom-alone', ['anom-alone']],
  ])
  expect(grouped.total).toBe(3)
  expect(
    (await call('GET', '/api/v1/anomalies?group=true', undefined, 'other')).said.anomalies.map(
      (one: Record<string, unknown>) => one.group_id,
    ),
  ).toEqual([null, null, null])
})

test('a series is drawn as a picture, with its own anomalies and no others', async () => {
  const points = api.answer
  api.answer = (asked) =>
    asked.name !== 'anomalies.list'
      ? points(asked)
      : asked.params.tenant !== 'a'
        ? []
        : ['log.rate', 'log.rate', 'attr.ms'].map((metric_name) => ({ ...anomaly, metric_name }))
  const { links } = (await call('GET', '/api/v1/series?service=cart&metric=log.rate&from=now-1h&step=20')).said
  expect(links.plot).toBe(
    `/api/v1/series/plot.svg?service=cart&metric=log.rate&from=${encodeURIComponent(new Date(NOW - 3_600_000).toISOString())}&to=${encodeURIComponent(new Date(NOW).toISOString())}&step=20`,
  )
  const draw = async (who: string) => await api.app.inject({ url: links.plot, headers: bearer(who) })
  const reply = await draw('owner')
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'image/svg+xml; charset=utf-8'])
  expect(reply.body).toMatch(/^<svg xmlns[^]*cart: log.rate[^]*per 10 s, a point every 20 s[^]*<\/svg>$/)
  const marks = (svg: string): number => svg.match(/class="marked"/g)?.length ?? 0
  expect([marks(reply.body), marks((await draw('other')).body)]).toEqual([2, 0])
  expect(api.asked.filter(({ name }) => name === 'series.points_of_series').at(-1)).toMatchObject({
    params: { tenant: 'b', rate: 'log.rate' },
  })
  expect((await draw('responder')).statusCode).toBe(403)
})

test('an anomaly is drawn as a picture of its own tenant', async () => {
  expect((await call('GET', '/api/v1/anomalies/anom-1')).said.links).toEqual({ plot: '/api/v1/anomalies/anom-1/plot.svg' })
  const reply = await api.app.inject({ url: '/api/v1/anomalies/anom-1/plot.svg', headers: bearer('owner') })
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'image/svg+xml; charset=utf-8'])
  expect(reply.body).toMatch(/^<svg xmlns[^]*cart: log records up[^]*<\/svg>$/)
  expect((await call('GET', '/api/v1/anomalies/anom-1/plot.svg', undefined, 'other')).said).toMatchObject({ code: 'NOT_FOUND' })
})
