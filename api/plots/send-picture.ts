// A picture as the answer of a route: its headers, and a serializer that leaves it as it is.
import type { FastifyReply, FastifySerializerCompiler, FastifySchema } from 'fastify'

export const asPicture: FastifySerializerCompiler<FastifySchema> =
  ({ httpStatus }) =>
  (value) =>
    httpStatus === '200' ? (value as string) : JSON.stringify(value)
// What draws is loaded with the first picture: its libraries are a hundred files, which no start has to wait for.
export const loadSeriesPlot = () => import('./series-plot.ts')
export const loadIncidentGraph = () => import('./incident-graph.ts')

/** Nothing in it is loaded or run, wherever it is opened. */
export const sendPicture = (reply: Pick<FastifyReply, 'type'>, svg: string) =>
  reply.type('image/svg+xml; charset=utf-8').header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'").send(svg)
