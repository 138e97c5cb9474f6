// Counters of (group, template, class): open addressing, and the slot of each template's last record, which is mostly the one of
// its next.

export interface Slots {
  count: number
  group: Uint32Array
  /** Of template and class. */
  key: Uint32Array
  records: Uint32Array
  /** Its first record: the row, and where its body begins in the column. */
  row: Uint32Array
  bodyAt: Float64Array
  table: Uint32Array
  last: Uint32Array
}

const CLASSES = 8
export const templateOf = (slots: Slots, slot: number): number => slots.key[slot] >>> 3
export const severityOf = (slots: Slots, slot: number): number => slots.key[slot] & (CLASSES - 1)

export const createSlots = (size = 256): Slots => ({
  count: 0,
  group: new Uint32Array(size),
  key: new Uint32Array(size),
  records: new Uint32Array(size),
  row: new Uint32Array(size),
  bodyAt: new Float64Array(size),
  table: new Uint32Array(2 * size),
  last: new Uint32Array(1024),
})

const place = (slots: Slots, group: number, key: number): number => {
  const mask = slots.table.length - 1
  const mixed = Math.imul(group ^ Math.imul(key, 0x9e3779b1), 0x85ebca6b)
  let at = (mixed ^ (mixed >>> 13)) & mask
  for (; slots.table[at] !== 0; at = (at + 1) & mask) {
    const slot = slots.table[at] - 1
    if (slots.group[slot] === group && slots.key[slot] === key) break
  }
  return at
}

const grow = (slots: Slots): void => {
  const larger = createSlots(2 * slots.group.length)
  for (const name of ['group', 'key', 'records', 'row', 'bodyAt'] as const) larger[name].set(slots[name])
  Object.assign(slots, { ...larger, count: slots.count, last: slots.last })
  for (let slot = 0; slot < slots.count; slot++) slots.table[place(slots, slots.group[slot], slots.key[slot])] = slot + 1
}

const slotOf = (slots: Slots, group: number, key: number, row: number, bodyAt: number): number => {
  const at = place(slots, group, key)
  if (slots.table[at] !== 0) return slots.table[at] - 1
  if (slots.count === slots.group.length) {
    grow(slots)
    return slotOf(slots, group, key, row, bodyAt)
  }
  const slot = slots.count++
  slots.group[slot] = group
  slots.key[slot] = key
  slots.row[slot] = row
  slots.bodyAt[slot] = bodyAt
  slots.table[at] = slot + 1
  return slot
}

const noteLast = (slots: Slots, template: number, slot: number): void => {
  if (template >= slots.last.length) {
    const last = new Uint32Array(Math.max(template + 1, 2 * slots.last.length))
    last.set(slots.last)
    slots.last = last
  }
  slots.last[template] = slot
}

export const countRecord = (slots: Slots, group: number, template: number, severity: number, row: number, bodyAt: number): void => {
  const key = CLASSES * template + severity
  const last = template < slots.last.length ? slots.last[template] : 0
  if (last < slots.count && slots.key[last] === key && slots.group[last] === group) {
    slots.records[last]++
    return
  }
  const slot = slotOf(slots, group, key, row, bodyAt)
  slots.records[slot]++
  noteLast(slots, template, slot)
}
