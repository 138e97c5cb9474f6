// Random identifiers: a prefix that names the kind and 12 characters of lower-case base 32 (60 bits).
import { randomBytes } from 'node:crypto'

const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

export const newId = (prefix: 'inc' | 'mon' | 'pat' | 'usr'): string =>
  `${prefix}_${[...randomBytes(12)].map((byte) => ALPHABET[byte & 31]).join('')}`
