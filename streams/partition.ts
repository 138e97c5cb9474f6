// Which partition a keyed signal belongs to. The same everywhere and for ever: a monitor's hits, its miss judging and a
// fingerprint's state machine rely on meeting in one partition, in order.

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const utf8 = new TextEncoder()

/** FNV-1a, 32 bit, over the UTF-8 of `key`; 0 <= result < `partitions`. */
export const partitionOf = (key: string, partitions: number): number => {
  let hash = FNV_OFFSET
  for (const byte of utf8.encode(key)) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return (hash >>> 0) % partitions
}

/** Key of what belongs to one subject (a monitor id, an alert fingerprint) of one tenant. */
export const subjectKey = (tenant: string, subject: string): string => `${tenant}/${subject}`
