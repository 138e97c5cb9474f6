// Readers of single settings. What is wrong is collected, so that a start reports everything at once.
import { readFileSync } from 'node:fs'

export type Env = Readonly<Record<string, string | undefined>>
export interface Listen {
  readonly host: string
  readonly port: number
  /** Plain when absent. */ readonly tls?: TlsFiles
}
/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface Settings {
  readonly problems: string[]
  /** Trimmed; null when empty or absent. */
  text(name: string): string | null
  wrong(name: string, value: string, expected: string): void
  number(name: string, fallback: number, min: number, max: number): number
  bytes(name: string, fallback: number, min?: number): number
  choice<T extends string>(name: string, values: readonly T[], fallback: T): T
  /** A name of letters, digits and underscores. */
  name(setting: string, fallback: string): string
  listen(name: string, fallback: string): Listen
  /** From NAME_TLS_CERT and NAME_TLS_KEY, which go together and must be readable; undefined without them. */
  tls(name: string): TlsFiles | undefined
  url(name: string, protocols: readonly string[]): string | null
  list(name: string): readonly string[]
  /** From NAME, else from the file that NAME_FILE names. */
  secret(name: string, minLength: number): string | null
}

/** What stands between the scheme and the host may be a secret. */
const withoutPassword = (value: string): string => value.replace(/\/\/[^/@]*@/, '//…@')

export const readSettings = (env: Env): Settings => {
  const problems: string[] = []
  const text = (name: string): string | null => env[name]?.trim() || null
  const wrong = (name: string, value: string, expected: string): void => {
    problems.push(`${name}: ${JSON.stringify(value)} is not ${expected}`)
  }
  const number = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name)
    if (value === null) return fallback
    const parsed = Number(value)
    if (Number.isFinite(parsed) && parsed >= min && parsed <= max) return parsed
    wrong(name, value, `a number from ${min} to ${max}`)
    return fallback
  }
  const bytes = (name: string, fallback: number, min = 1024): number => Math.floor(number(name, fallback, min, Number.MAX_SAFE_INTEGER))
  const choice = <T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const value = text(name)
    if (value === null) return fallback
    if ((values as readonly string[]).includes(value)) return value as T
    wrong(name, value, `one of ${values.join(', ')}`)
    return fallback
  }
  const name = (setting: string, fallback: string): string => {
    const value = text(setting) ?? fallback
    if (/^[A-Za-z_]\w{0,63}$/.test(value)) return value
    wrong(setting, value, 'a name of letters, digits and underscores')
    return fallback
  }
  const listen = (name: string, fallback: string): Listen => {
    const value = text(name) ?? fallback
    const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(value)
    const port = match ? Number(match[2]) : -1
    if (port >= 0 && port <= 65535) return { host: (match?.[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port }
    wrong(name, value, 'host:port')
    return { host: '127.0.0.1', port: 0 }
  }
  const url = (name: string, protocols: readonly string[]): string | null => {
    // An address may carry a password, and so come from a file.
    const value = secret(name, 0)
    if (value === null) return null
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value
    wrong(name, withoutPassword(value), `a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
    return null
  }
  const secret = (name: string, minLength: number): string | null => {
    const file = text(`${name}_FILE`)
    let value = text(name)
    if (value === null && file !== null) {
      try {
        value = readFileSync(file, 'utf8').trim()
      } catch {
        wrong(`${name}_FILE`, file, 'a readable file')
      }
    }
    if (value !== null && value.length < minLength) problems.push(`${name}: shorter than ${minLength} characters`)
    return value
  }
  const tls = (name: string): TlsFiles | undefined => {
    const settings = { cert: `${name}_TLS_CERT`, key: `${name}_TLS_KEY` }
    const files = { cert: text(settings.cert), key: text(settings.key) }
    for (const [of, setting] of Object.entries(settings)) {
      const file = files[of as keyof typeof files]
      if (file === null) continue
      try {
        readFileSync(file)
      } catch {
        wrong(setting, file, 'a readable file')
      }
    }
    if (files.cert === null && files.key === null) return undefined
    if (files.cert === null || files.key === null)
      problems.push(
        `${files.cert === null ? settings.cert : settings.key}: must be set beside ${files.cert === null ? settings.key : settings.cert}`,
      )
    return { cert: files.cert ?? '', key: files.key ?? '' }
  }
  const list = (name: string): readonly string[] =>
    (text(name) ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
  return { problems, text, wrong, number, bytes, choice, name, listen, tls, url, list, secret }
}
