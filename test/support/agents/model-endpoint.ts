// A model on a local port that speaks like the vendors' endpoints and follows a script: all that it knows is what the request tells it,
// so answers of tools that were not fed back, or not whole, lead it astray. It asks only for tools that it was offered.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seenOf, type Step } from '../../../bench/demo/agent/incident-script.ts'
import { anthropicMessages, chatCompletions, responses, type Dialect, type Offered } from './dialects.ts'

const dialects = [chatCompletions, responses, anthropicMessages] as readonly Dialect<unknown>[]

export interface ModelEndpoint {
  readonly url: string
  close(): Promise<void>
}

/** A strict model gives every argument that is required: null for what it leaves out. */
const fillIn = (args: object, { strict, schema }: Offered): object =>
  strict
    ? {
        ...Object.fromEntries(
          schema.required.filter((name) => [schema.properties[name].type].flat().includes('null')).map((name) => [name, null]),
        ),
        ...args,
      }
    : args

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString())
}

const nextReply = (dialect: Dialect<unknown>, script: readonly Step[], body: unknown): object => {
  const results = dialect.results(body)
  const step = script[results.length]
  if (step === undefined) return dialect.reply(null)
  const offered = dialect.offered(body).find(({ name }) => name === step.tool)
  if (offered === undefined) throw new Error(`the tool ${step.tool} was not offered`)
  return dialect.reply({ id: `call_${results.length}`, name: step.tool, args: fillIn(step.args(seenOf(script, results)), offered) })
}

export const openModelEndpoint = async (script: readonly Step[]): Promise<ModelEndpoint> => {
  const server = createServer((request, response) => {
    void (async () => {
      try {
        const dialect = dialects.find(({ path }) => path === request.url)
        if (dialect === undefined) throw new Error(`no model at ${request.url}`)
        const reply = nextReply(dialect, script, await readBody(request))
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
      } catch (error) {
        response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: { type: 'invalid_request_error', message: String(error) } }))
      }
    })()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
