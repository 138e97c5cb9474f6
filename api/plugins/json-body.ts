// JSON bodies as they are taken: well-formed, not deep, each key once. What another reader could understand differently is refused, not guessed.
import type { FastifyInstance } from 'fastify'
import { apiError, type ApiError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    rawBody: string
  }
}

const MAX_DEPTH = 32
const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  COLON = 0x3a,
  OPEN = [0x7b, 0x5b],
  CLOSE = [0x7d, 0x5d]

/** From the opening quote to behind the closing one; the text's end when there is none. */
const endOfString = (text: string, from: number): number => {
  let at = from + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return Math.min(at + 1, text.length)
}

const readKey = (quoted: string): string => {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted
  }
}

/** What is wrong with a text although JSON.parse takes it, or would break on it. Linear, without recursion: the text is anybody's. */
export const faultOf = (
  text: string,
): { readonly code: 'depth' | 'duplicate_key'; readonly path: string; readonly position: number } | null => {
  const seen: (Set<string> | null)[] = []
  const isAfter = (at: number, code: number): boolean => {
    let next = at
    while (next < text.length && /[\t\n\r ]/.test(text[next])) next++
    return text.charCodeAt(next) === code
  }
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      const keys = seen.at(-1)
      if (keys !== null && keys !== undefined && isAfter(end, COLON)) {
        const key = readKey(text.slice(at, end))
        if (keys.has(key)) return { code: 'duplicate_key', path: key.slice(0, 100), position: at }
        keys.add(key)
      }
      at = end
      continue
    }
    if (OPEN.includes(code)) seen.push(code === OPEN[0] ? new Set() : null)
    if (CLOSE.includes(code)) seen.pop()
    if (seen.length > MAX_DEPTH) return { code: 'depth', path: '', position: at }
    at++
  }
  return null
}

const refusal = (text: string): ApiError | null => {
  const fault = faultOf(text)
  if (fault === null) return null
  const message = fault.code === 'depth' ? `nested deeper than ${MAX_DEPTH} levels` : 'the key stands there twice'
  return apiError('VALIDATION_FAILED', `body: ${fault.path === '' ? '' : `${fault.path}: `}${message}`, [
    { path: fault.path, code: fault.code, message, position: fault.position },
  ])
}

/** In place of the framework's own parsers. Clients name the type on calls that have no body: nothing is then taken as nothing, as without the header. */
export const readJsonBodies = (app: FastifyInstance): void => {
  app.removeContentTypeParser(['text/plain', 'application/json'])
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('rawBody', '')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body as string
    request.rawBody = text
    const encoding = request.headers['content-encoding'] ?? 'identity'
    if (encoding.toLowerCase() !== 'identity')
      return done(apiError('UNSUPPORTED_MEDIA_TYPE', 'The body has a Content-Encoding: it is taken plain only.'))
    if (text === '') return done(null, undefined)
    const refused = refusal(text)
    if (refused !== null) return done(refused)
    void parseJson(request, text, (error, value) => {
      done(error === null ? null : apiError('BAD_JSON', 'The body is not JSON.'), value)
    })
  })
}
