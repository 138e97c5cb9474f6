// Ids of message patterns: of a single template its 64-bit hash in hex, which series, anomalies, evidence and the API share.

const PREFIX = 'ptn-'
export const hexOfTemplate = (hash: bigint): string => hash.toString(16).padStart(16, '0')
/** @param hex 16 digits: of a template's hash, or of the text of several. */
export const patternId = (hex: string): string => PREFIX.concat(hex)
/** @param template the hash as decimal text, as the store gives it. */
export const patternOfTemplate = (template: string): string => patternId(hexOfTemplate(BigInt(template)))
