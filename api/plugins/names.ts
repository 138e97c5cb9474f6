// People and agents say the number of an incident and the name of a monitor: both are unique in a tenant, and taken where their id is.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Sql } from '../store/store.ts'

const incidents = {
  route: /^\/api\/v1\/(incidents|context\/incident)\/:id(\/|$)/,
  isName: /^#?\d{1,9}$/,
  sql: 'SELECT id FROM incidents WHERE tenant = $1 AND number = $2',
}
const monitors = {
  route: /^\/api\/v1\/monitors\/:id(\/|$)/,
  isName: /^(?!mon_[0-9a-z]{12}$)/,
  sql: 'SELECT id FROM monitors WHERE tenant = $1 AND name = $2',
}

export const takeNames = (app: FastifyInstance, store: Pick<Sql, 'query'>): void => {
  app.addHook('preHandler', async (request: FastifyRequest) => {
    const { url = '' } = request.routeOptions
    const named = [incidents, monitors].find(({ route }) => route.test(url))
    const params = request.params as { id?: string }
    if (named === undefined || params.id === undefined || request.principal === null || !named.isName.test(params.id)) return
    const name = named === incidents ? Number(params.id.replace('#', '')) : params.id
    const [row] = await store.query<{ id: string }>(named.sql, [request.principal.tenant, name])
    // What is none is told by the route, by the name that was said.
    if (row !== undefined) request.params = { ...params, id: row.id }
  })
}
