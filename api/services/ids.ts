// Ids and secrets of the control plane: short readable ids, 256-bit secrets, and the sealing of secrets that can be read back.
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** "inc_" and 12 characters without look-alikes: 60 random bits. */
export const createId = (prefix: string): string => `${prefix}_${Array.from(randomBytes(12), (byte) => ALPHABET[byte & 31]).join('')}`
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export interface Sealer {
  seal(plain: string, owner: string): string
  open(sealed: string, owner: string): string
}

/** AES-256-GCM; `owner` (tenant and row) is authenticated with it, so that a sealed secret cannot be moved to another row. */
export const createSealer = (secretKey: string): Sealer => {
  const key = Buffer.from(hkdfSync('sha256', secretKey, 'lapwing', 'sealed secrets', 32))
  return {
    seal: (plain, owner) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner))
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.from([1]), nonce, cipher.getAuthTag(), text]).toString('base64')
    },
    open: (sealed, owner) => {
      const bytes = Buffer.from(sealed, 'base64')
      const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13))
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(13, 29))
      return Buffer.concat([cipher.update(bytes.subarray(29)), cipher.final()]).toString('utf8')
    },
  }
}
