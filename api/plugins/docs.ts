// OpenAPI made from the routes' own schemas, and its page. Says of each operation which scope and role it needs.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from '../deps.ts'
import { accessOf } from './auth.ts'

export const addDocs = async (app: App, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Lapwing', version, description: 'Logs, anomalies, root causes and incidents. Errors share one envelope; see the Error responses.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A personal access token: obs_…' } } },
    },
    transform: ({ schema, url }) => {
      const access = accessOf(schema?.operationId)
      if (access === undefined || 'public' in access) return { schema: { ...schema, security: [] }, url }
      const needs = `Scope ${access.scope}, role ${access.role} or higher.`
      return { schema: { ...schema, security: [{ token: [] }], description: schema.description === undefined ? needs : `${schema.description} ${needs}` }, url }
    },
  })
}

/** After the routes: their schemas have to be known. */
export const addDocsPage = async (app: App): Promise<void> => {
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { persistAuthorization: false } })
}
