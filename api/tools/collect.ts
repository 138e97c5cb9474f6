// Watches routes being registered, and makes the tools of them when they are first asked for.
import type { FastifyInstance } from 'fastify'
import type { Schema } from '../openapi/example.ts'
import { toolDefinitions } from './definitions.ts'
import { toTools, type RouteInfo, type Tool } from './derive.ts'

/** To be called before the routes are registered. */
export const collectTools = (app: FastifyInstance): (() => readonly Tool[]) => {
  const routes: RouteInfo[] = []
  let tools: readonly Tool[] | null = null
  app.addHook('onRoute', ({ method, url, schema }) => {
    const { operationId, params, querystring, body } = (schema ?? {}) as {
      operationId?: string
      params?: Schema
      querystring?: Schema
      body?: Schema
    }
    for (const one of [method].flat())
      if (operationId !== undefined && one !== 'HEAD') routes.push({ operationId, method: one, path: url, params, querystring, body })
  })
  return () => (tools ??= toTools(toolDefinitions, routes))
}
