// How often each template occurs in a range, per (tenant, service, severity, minute of stored event time), and the texts of
// those that its thread has not named of late. Counting one record is a look at the slot that its template was counted in last.
import type { DecodeInput, TemplateInsert } from '../decode-contract.ts'
import { lengthAt, varintSize } from '../decode/bytes.ts'
import type { Columns } from '../decode/columns.ts'
import { cutText, type MaskedText } from './masked-text.ts'
import { toCountsBlock, type CountGroup, type CountRow } from './template-counts-block.ts'
import type { TemplateMemory } from './template-memory.ts'
import type { Templates } from './template-set.ts'
import { countRecord, createSlots, severityOf, templateOf } from './template-slots.ts'

export interface TemplateCounts {
  /** Number of a group, to be counted in. */
  groupOf(group: CountGroup): number
  /** @param bodyAt where the String of its body begins in the column. */
  add(group: number, template: number, level: number, row: number, bodyAt: number): void
  /** Rows of log_template_counts, and the texts. */
  finish(
    columns: Columns,
    templates: Templates,
    input: DecodeInput,
  ): { readonly block: Uint8Array; readonly rows: number; readonly texts: TemplateInsert[] }
}

/** 0 unspecified, then trace, debug, info, warn, error, fatal. */
const classOf = (level: number): number => (level === 0 ? 0 : level > 24 ? 6 : ((level - 1) >> 2) + 1)
const MAX_EXAMPLE = 1024
const SECOND_NS = 1e9
const HALF = 4294967296

const secondOf = (columns: Columns, row: number): number =>
  Math.min(0xffffffff, Math.floor((columns.time[2 * row + 1] * HALF + columns.time[2 * row]) / SECOND_NS))
const hashText = (halves: Uint32Array, template: number): string =>
  String((BigInt(halves[2 * template + 1]) << 32n) | BigInt(halves[2 * template]))

/** Of one service: slots by template. */
type Owned = Map<number, number[]>

export const createTemplateCounts = (memory: TemplateMemory, textOf: MaskedText): TemplateCounts => {
  const groups: CountGroup[] = []
  const slots = createSlots()
  const groupAt = (slot: number): CountGroup => groups[slots.group[slot]]
  const recordsOf = (list: readonly number[]): number => list.reduce((sum, slot) => sum + slots.records[slot], 0)

  const byService = (): Map<string, Owned> => {
    const services = new Map<string, Owned>()
    for (let slot = 0; slot < slots.count; slot++) {
      const { tenant, service } = groupAt(slot)
      const key = `${tenant}\u0000${service}`
      let owned = services.get(key)
      if (owned === undefined) services.set(key, (owned = new Map()))
      const list = owned.get(templateOf(slots, slot))
      if (list === undefined) owned.set(templateOf(slots, slot), [slot])
      else list.push(slot)
    }
    return services
  }
  const describe = (columns: Columns, input: DecodeInput, template: string, list: readonly number[]): TemplateInsert => {
    const [first] = list
    const { tenant, service } = groupAt(first)
    const row = slots.row[first]
    const length = lengthAt(columns.body, slots.bodyAt[first])
    const from = slots.bodyAt[first] + varintSize(length)
    const seconds = list.map((slot) => secondOf(columns, slots.row[slot]))
    return {
      tenant,
      service,
      template,
      text: textOf(columns.body.buf, from, length),
      example: cutText(columns.body.buf, from, length, MAX_EXAMPLE),
      record: [input.logId, input.partition, columns.offsets[row], columns.recordIndex[row]].join(':'),
      first_seen: Math.min(...seconds),
      last_seen: Math.max(...seconds),
    }
  }
  /** What is beyond the bound of its service, as one template per minute and severity. */
  const together = (list: readonly number[]): CountRow[] => {
    const rows = new Map<string, CountRow>()
    for (const slot of list) {
      const key = `${slots.group[slot]} ${severityOf(slots, slot)}`
      const records = (rows.get(key)?.records ?? 0) + slots.records[slot]
      rows.set(key, { ...groupAt(slot), severity: severityOf(slots, slot), template: 0, records })
    }
    return [...rows.values()]
  }
  return {
    groupOf: (group) => groups.push(group) - 1,
    add: (group, template, level, row, bodyAt) => {
      countRecord(slots, group, template, classOf(level), row, bodyAt)
    },
    finish: (columns, templates, input) => {
      const halves = templates.halves()
      memory.at(input.messages.reduce((newest, { envelope }) => Math.max(newest, envelope.receivedAtMs), 0))
      const texts: TemplateInsert[] = []
      const rows: CountRow[] = []
      for (const [service, owned] of byService()) {
        const over: number[] = []
        // The frequent ones first: they have the room before those that never come again.
        const ranked = [...owned]
          .map(([template, list]) => ({ template, list, records: recordsOf(list) }))
          .sort((a, b) => b.records - a.records)
        for (const { template, list, records } of ranked) {
          const admission = template === 0 ? 'over' : memory.admit(service, halves[2 * template], halves[2 * template + 1], records === 1)
          if (admission === 'fresh') texts.push(describe(columns, input, hashText(halves, template), list))
          if (admission === 'over') over.push(...list)
          else
            for (const slot of list)
              rows.push({ ...groupAt(slot), severity: severityOf(slots, slot), template, records: slots.records[slot] })
        }
        rows.push(...together(over))
      }
      return { block: toCountsBlock(rows, halves, input), rows: rows.length, texts }
    },
  }
}
