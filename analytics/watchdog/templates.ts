// Which bucket saw each message template first. A template is new in that bucket only, so closing it again counts the same.

export interface SeenRow {
  readonly tenant: string
  readonly service: string
  readonly template: string
  readonly first_bucket: number
  readonly version: number
}
const MAX_PER_SERVICE = 20_000

export interface Templates {
  load(tenant: string, service: string, template: string, firstMs: number): void
  /** How many of these are new in this bucket; hands rows for those seen for the first time to `keep`. */
  countNew(tenant: string, service: string, templates: readonly string[], bucketMs: number, keep: (row: SeenRow) => void): number
}

export const createTemplates = (): Templates => {
  const seen = new Map<string, Map<string, number>>()
  const of = (tenant: string, service: string): Map<string, number> => {
    const key = `${tenant}\u0000${service}`
    let map = seen.get(key)
    if (map === undefined) seen.set(key, (map = new Map()))
    return map
  }
  return {
    load: (tenant, service, template, firstMs) => {
      of(tenant, service).set(template, firstMs)
    },
    countNew: (tenant, service, templates, bucketMs, keep) => {
      if (templates.length === 0) return 0
      const known = of(tenant, service)
      let count = 0
      for (const template of templates) {
        const first = known.get(template)
        if (first === bucketMs) count++
        if (first !== undefined || known.size >= MAX_PER_SERVICE) continue
        known.set(template, bucketMs)
        count++
        // The version grows backwards in time: of two rows the earlier bucket stays.
        keep({ tenant, service, template, first_bucket: bucketMs / 1000, version: 4_294_967_295 - bucketMs / 1000 })
      }
      return count
    },
  }
}
