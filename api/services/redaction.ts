// Secrets have no place in the audit trail: fields that hold one are told as changed, not as what they are, and a token in a text is taken out.

const SENSITIVE = /token|secret|password|api_?key|authorization|credential/i
const TOKENS = /\b(obs_|isage_|whsec_)[A-Za-z0-9_+/=-]{20,}/g

const redactText = (value: unknown): unknown => {
  if (typeof value === 'string') return value.replace(TOKENS, '$1[redacted]')
  if (Array.isArray(value)) return value.map(redactText)
  if (typeof value !== 'object' || value === null) return value
  return redactFields(value as Record<string, unknown>)
}

export const redactFields = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, SENSITIVE.test(name) ? { redacted: true } : redactText(value)]))
