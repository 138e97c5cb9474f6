// A path that exists with other methods answers 405 and names them; any other answers 404.
import type { App } from '../deps.ts'
import { apiError } from '../errors.ts'

interface Known { readonly pattern: RegExp; readonly methods: Set<string> }

const toPattern = (url: string): RegExp => {
  const escaped = url.replaceAll(/[.+?^$()|[\]{}\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll(/:[A-Za-z]+/g, '[^/]+').replaceAll('*', '.*')}$`)
}

export const addUnknownRoutes = (app: App): void => {
  const known = new Map<string, Known>()
  app.addHook('onRoute', (route) => {
    const entry = known.get(route.url) ?? { pattern: toPattern(route.url), methods: new Set<string>() }
    for (const method of [route.method].flat()) entry.methods.add(method)
    known.set(route.url, entry)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]
    const methods = new Set([...known.values()].filter((entry) => entry.pattern.test(path)).flatMap((entry) => [...entry.methods]))
    if (methods.size === 0 || methods.has(request.method)) throw apiError('NOT_FOUND', 'there is no such path')
    const allow = [...methods].sort().join(', ')
    reply.header('allow', allow)
    throw apiError('METHOD_NOT_ALLOWED', `${request.method} is not possible here; allowed: ${allow}`)
  })
}
