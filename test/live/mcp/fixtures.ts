// What the conformance suite asks every server for by name: tools, resources and prompts of no use but to be asked for.
// Added to our own endpoint, so that what is tested is its transport, its headers and its answers.
import {
  fromJsonSchema,
  inputRequired,
  ResourceTemplate,
  type CallToolResult,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='
type Content = CallToolResult['content']
type Shown = Record<string, unknown>

const nothing = fromJsonSchema<Shown>({ type: 'object', properties: {} })
const texts = (...names: string[]) =>
  fromJsonSchema<Shown>({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    required: names,
  })
const text = (said: string) => ({ type: 'text', text: said }) as const
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' } as const
const embedded = (uri: string, mimeType: string, said: string) => ({ type: 'resource', resource: { uri, mimeType, text: said } }) as const

const contents: Readonly<Record<string, Content>> = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }],
  test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  test_multiple_content_types: [
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
  test_streaming_elicitation: [text('no request of its own on this stream')],
}

const addTools = (server: McpServer): void => {
  const tool = (name: string, run: (args: Shown, context: ServerContext) => Promise<CallToolResult>, inputSchema = nothing): void => {
    server.registerTool(name, { description: `fixture: ${name}`, inputSchema }, run)
  }
  for (const [name, content] of Object.entries(contents)) tool(name, async () => ({ content }))
  tool('test_error_handling', async () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  tool('test_tool_with_progress', async (_args, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of progressToken === undefined ? [] : [0, 50, 100])
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: progressToken!, progress, total: 100 } })
    return { content: [text(String(progressToken))] }
  })
  tool('test_logging_tool', async (_args, { mcpReq }) => {
    await mcpReq.log('info', 'only where the request asks for it')
    return { content: [text('logged')] }
  })
  server.registerTool(
    'test_missing_capability',
    { description: 'fixture: needs sampling', inputSchema: nothing },
    async (_args, { mcpReq }) =>
      mcpReq.inputResponses?.llm_answer === undefined
        ? inputRequired({
            inputRequests: {
              llm_answer: inputRequired.createMessage({ messages: [{ role: 'user', content: text('pong?') }], maxTokens: 16 }),
            },
          })
        : { content: [text('sampled')] },
  )
  tool(
    'test_x_mcp_header',
    async ({ region }) => ({ content: [text(`region=${String(region)}`)] }),
    fromJsonSchema<Shown>({
      type: 'object',
      properties: {
        region: { type: 'string', description: 'mirrored into Mcp-Param-Region', 'x-mcp-header': 'Region' },
        level: { type: 'integer', description: 'not mirrored' },
      },
    } as never),
  )
  tool(
    'json_schema_2020_12_tool',
    async (args) => ({ content: [text(JSON.stringify(args))] }),
    fromJsonSchema<Shown>({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      ...(JSON.parse('{"then":{"required":["phone"]}}') as object),
      else: { required: ['email'] },
      additionalProperties: false,
    } as never),
  )
}

const addResources = (server: McpServer): void => {
  server.registerResource('static-text', 'test://static-text', { mimeType: 'text/plain' }, async () => ({
    contents: [{ uri: 'test://static-text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
  }))
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, async () => ({
    contents: [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PIXEL }],
  }))
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [
        {
          uri: uri.toString(),
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  )
}

const addPrompts = (server: McpServer): void => {
  const user = (content: Content[number]) => ({ role: 'user', content }) as never
  server.registerPrompt('test_simple_prompt', { description: 'fixture' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }))
  server.registerPrompt('test_prompt_with_image', { description: 'fixture' }, async () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }))
  server.registerPrompt('test_prompt_with_arguments', { description: 'fixture', argsSchema: texts('arg1', 'arg2') as never }, (async ({
    arg1,
    arg2,
  }: Shown) => ({ messages: [user(text(`Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`))] })) as never)
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'fixture', argsSchema: texts('resourceUri') as never },
    (async ({ resourceUri }: Shown) => ({
      messages: [
        user(embedded(String(resourceUri), 'text/plain', 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.')),
      ],
    })) as never,
  )
}

export const addFixtures = (server: McpServer): void => {
  addTools(server)
  addResources(server)
  addPrompts(server)
}
