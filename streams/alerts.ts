// Alert bodies of Alertmanager (webhook) and Prometheus (/api/v2/alerts) → plain alerts. Ingest answers with the same ids
// that analysis derives later from the same bytes: everything here is a function of the body and the receive time.
import { hash } from 'node:crypto'
import type { Severity } from './contracts/signals.ts'

export interface ParsedAlert {
  readonly fingerprint: string
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** As sent; empty when an Alertmanager body has none. */
  readonly startsAt: string
  /** As sent; empty while it is open. Prometheus says of a firing alert until when it is active unless sent again. */
  readonly endsAt: string
  readonly service: string
  readonly alertname: string
  readonly severity: Severity
  readonly summary: string
}

export type ParsedAlerts = { readonly ok: true; readonly alerts: readonly ParsedAlert[] } | { readonly ok: false; readonly message: string }

export const MAX_ALERTS = 10_000
const MAX_TEXT = 1024
const SERVICE_LABELS = ['service_id', 'service', 'service_name', 'app', 'job'] as const
const UNKNOWN_SERVICE = 'unknown_service'
const OPEN_END = '0001-01-01T00:00:00Z'
const utf8Encoder = new TextEncoder()
const utf8Decoder = new TextDecoder('utf-8', { fatal: true })

/** FNV-1a, 64 bit, over name 0xff value 0xff of the labels sorted by name: what Alertmanager itself computes. */
export const alertFingerprint = (labels: Readonly<Record<string, string>>): string => {
  let high = 0xcbf29ce4
  let low = 0x84222325
  const add = (byte: number): void => {
    low = (low ^ byte) >>> 0
    const product = low * 0x1b3
    high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + low * 256) % 2 ** 32
    low = product >>> 0
  }
  for (const name of Object.keys(labels).sort()) {
    for (const text of [name, labels[name]]) {
      for (const byte of utf8Encoder.encode(text)) add(byte)
      add(0xff)
    }
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** Deterministic: the same episode of the same alert has the same id wherever it is computed. */
export const anomalyIdOf = (tenant: string, fingerprint: string, startsAt: string): string =>
  `anom-${hash('sha256', `${tenant}\n${fingerprint}\n${startsAt}`, 'hex').slice(0, 12)}`

const severityOf = (label: string): Severity => {
  if (/^(critical|crit|page|emergency|fatal|disaster|high|p1|sev1)$/i.test(label)) return 'critical'
  return /^(minor|warning|warn|low|info|information|notice|none|p[345]|sev[34])$/i.test(label) ? 'minor' : 'major'
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
/** Never through the middle of a character. */
const cut = (text: string, limit: number): string => text.slice(0, limit).toWellFormed()
const textOf = (value: unknown): string => (typeof value === 'string' ? cut(value, MAX_TEXT) : '')

/** Null unless every value is a string. Half a surrogate pair, which JSON can escape, has no form in UTF-8: no store takes it. */
const stringMap = (value: unknown): Record<string, string> | null => {
  if (!isObject(value)) return null
  const entries = Object.entries(value)
  return entries.every(([, text]) => typeof text === 'string')
    ? Object.fromEntries(entries.map(([name, text]) => [name.toWellFormed(), (text as string).toWellFormed()]))
    : null
}

interface Times {
  readonly status: 'firing' | 'resolved'
  readonly startsAt: string
  readonly endsAt: string
}

const toAlert = (source: Record<string, unknown>, labels: Record<string, string>, times: Times): ParsedAlert => {
  const annotations = stringMap(source.annotations) ?? {}
  const alertname = textOf(labels.alertname) || 'alert'
  const service =
    SERVICE_LABELS.map((name) => (Object.hasOwn(labels, name) ? labels[name].trim() : '')).find((text) => text !== '') ?? UNKNOWN_SERVICE
  const given = typeof source.fingerprint === 'string' && /^[0-9a-zA-Z_-]{1,64}$/.test(source.fingerprint) ? source.fingerprint : null
  return {
    ...times,
    labels,
    annotations,
    alertname,
    fingerprint: given ?? alertFingerprint(labels),
    service: cut(service, 255),
    severity: severityOf(labels.severity ?? ''),
    summary:
      textOf(annotations.summary) ||
      textOf(annotations.description) ||
      textOf(annotations.message) ||
      cut(`${alertname} on ${service}`, MAX_TEXT),
  }
}

const parseJson = (body: Uint8Array): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string } => {
  try {
    return { ok: true, value: JSON.parse(utf8Decoder.decode(body)) }
  } catch {
    return { ok: false, message: 'the body is not valid JSON in UTF-8' }
  }
}

/** One fault fails the whole body: the sender repeats it as a whole. */
const parseList = (list: unknown, what: string, toTimes: (source: Record<string, unknown>) => Times | string): ParsedAlerts => {
  if (!Array.isArray(list)) return { ok: false, message: what }
  if (list.length > MAX_ALERTS) return { ok: false, message: `more than ${MAX_ALERTS} alerts in one request` }
  const alerts: ParsedAlert[] = []
  for (const [index, source] of list.entries()) {
    if (!isObject(source)) return { ok: false, message: `alerts[${index}] is not an object` }
    const labels = stringMap(source.labels)
    if (labels === null) return { ok: false, message: `alerts[${index}].labels is not an object of strings` }
    const times = toTimes(source)
    if (typeof times === 'string') return { ok: false, message: `alerts[${index}].${times}` }
    alerts.push(toAlert(source, labels, times))
  }
  return { ok: true, alerts }
}

const endOf = (value: unknown): string => {
  const text = textOf(value)
  return text === OPEN_END || text.startsWith('0001-01-01T00:00:00') ? '' : text
}

/** Webhook payload version 4, or anything with `alerts[]` of `status` and `labels`: unknown fields are ignored. */
export const parseAlertmanager = (body: Uint8Array): ParsedAlerts => {
  const json = parseJson(body)
  if (!json.ok) return json
  return parseList(
    isObject(json.value) ? json.value.alerts : undefined,
    "no alerts[]: send Alertmanager's own webhook payload, not a custom one",
    (source) => {
      if (source.status !== 'firing' && source.status !== 'resolved') return 'status is neither "firing" nor "resolved"'
      return { status: source.status, startsAt: textOf(source.startsAt), endsAt: source.status === 'firing' ? '' : endOf(source.endsAt) }
    },
  )
}

/** An array of alerts, firing while `endsAt` is ahead of `nowMs`, the receive time; without `endsAt` they are firing. */
export const parsePrometheusAlerts = (body: Uint8Array, nowMs: number): ParsedAlerts => {
  const json = parseJson(body)
  if (!json.ok) return json
  return parseList(json.value, 'not an array of alerts', (source) => {
    const endsAt = endOf(source.endsAt)
    const endsAtMs = endsAt === '' ? Infinity : Date.parse(endsAt)
    if (Number.isNaN(endsAtMs)) return 'endsAt is not a time'
    const startsAt = textOf(source.startsAt) || new Date(nowMs).toISOString()
    return { status: endsAtMs > nowMs ? 'firing' : 'resolved', startsAt, endsAt }
  })
}
