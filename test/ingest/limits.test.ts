// What happens at each bound: the answer comes before the body is read, nothing leaks, good clients go on.
import http from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { TOKEN, asJson, asProtobuf, connect, createLogSink, eventually, send, startTestIngest } from './harness.ts'
import type { Running } from './harness.ts'

let running: Running
afterEach(() => running.ingest.close())

const body = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}'
const post = (headers: Record<string, string> = asJson) => send(running.otlp, { path: '/v1/logs', headers, body })
const head = (length: string, extra = '') =>
  `POST /v1/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n${length}\r\n${extra}\r\n`
const open = () => running.ingest.stats().openRequests

describe('limits', () => {
  it('refuses an announced length over the limit before any of it is sent', async () => {
    running = await startTestIngest()
    const client = connect(running.otlp)
    client.write(head(`Content-Length: ${1024 * 1024 + 1}`))
    const answer = await client.until(/LAPWING_MAX_BODY_BYTES/)
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(running.ingest.stats().inflightBytes).toBe(0)
    client.socket.destroy()
  })

  it('answers 413 to a client that sends its whole large body first', async () => {
    running = await startTestIngest()
    const answer = await send(running.otlp, { path: '/v1/logs', headers: asJson, body: new Uint8Array(3 * 1024 * 1024) })
    expect(answer.status).toBe(413)
  })

  it('stops a chunked body at the limit', async () => {
    running = await startTestIngest()
    const client = connect(running.otlp)
    client.write(head('Transfer-Encoding: chunked'))
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    for (let sent = 0; sent < 17; sent++) client.write(chunk)
    expect(await client.until(/LAPWING_MAX_BODY_BYTES/)).toMatch(/^HTTP\/1.1 413 /)
    expect(running.ingest.stats().inflightBytes).toBe(0)
    client.socket.destroy()
  })

  it('lets a client finish a body that is refused already, and takes the next request of its connection', async () => {
    for (const [framing, frame, end] of [
      ['Transfer-Encoding: chunked', (piece: string) => `10000\r\n${piece}\r\n`, '0\r\n\r\n'],
      [`Content-Length: ${60 * 65_536}`, (piece: string) => piece, ''],
    ] as const) {
      running = await startTestIngest()
      const client = connect(running.otlp)
      client.write(head(framing))
      for (let sent = 0; sent < 60; sent++) {
        client.write(frame('x'.repeat(65_536)))
        if (sent >= 20)
          await new Promise((resolve) => {
            setTimeout(resolve, 2)
          })
      }
      client.write(end)
      expect(await client.until(/LAPWING_MAX_BODY_BYTES/), framing).toMatch(/^HTTP\/1.1 413 /)
      client.write(head(`Content-Length: ${body.length}`) + body)
      expect(await client.until(/partialSuccess/), framing).toMatch(/HTTP\/1.1 200 /)
      expect(running.ingest.stats().inflightBytes).toBe(0)
      client.socket.destroy()
      await running.ingest.close()
    }
  })

  it('takes a body in many chunks and one in a thousand pieces', async () => {
    running = await startTestIngest()
    const bytes = Buffer.from(body)
    const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte))
    expect((await send(running.otlp, { path: '/v1/logs', headers: asJson, chunks })).status).toBe(200)
    const long = Buffer.from(body.replace('"x"', JSON.stringify('y'.repeat(100_000))))
    const client = connect(running.otlp)
    client.write(head(`Content-Length: ${long.length}`))
    for (let at = 0; at < long.length; at += 5_000) {
      client.write(long.subarray(at, at + 5_000))
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(await client.until(/partialSuccess/)).toMatch(/^HTTP\/1.1 200 /)
    expect(running.log.messages.map((message) => message.body.length)).toEqual([bytes.length, long.length])
    expect(Buffer.from(running.log.messages[1].body).equals(long)).toBe(true)
    client.socket.destroy()
  })

  it('refuses with 503 while too many bytes are not durable, and takes them again afterwards', async () => {
    running = await startTestIngest({ maxInflightBytes: 2048 })
    const held: (() => void)[] = []
    running.log.before = () =>
      new Promise((resolve) => {
        held.push(resolve)
      })
    const first = Array.from({ length: 20 }, () => post())
    await eventually(() => held.length === 20, '20 appends held')
    const client = connect(running.otlp)
    client.write(head('Content-Length: 1000'))
    const refused = await client.until(/in flight/)
    expect(refused).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: [123]\r\n/)
    expect(running.ingest.stats().inflightBytes).toBe(20 * body.length)
    running.log.before = null
    for (const release of held) release()
    expect((await Promise.all(first)).every(({ status }) => status === 200)).toBe(true)
    expect(running.ingest.stats().inflightBytes).toBe(0)
    expect((await post()).status).toBe(200)
    client.socket.destroy()
  })

  it('counts a chunked body as it grows', async () => {
    running = await startTestIngest({ maxInflightBytes: 100_000 })
    const answer = await send(running.otlp, {
      path: '/v1/logs',
      headers: asJson,
      chunks: Array.from({ length: 4 }, () => new Uint8Array(50_000)),
    })
    expect([answer.status, answer.json.code, answer.headers['retry-after']]).toEqual([503, 14, '1'])
    expect(running.ingest.stats().inflightBytes).toBe(0)
  })

  it('answers 503 when an append is not durable in time and counts its bytes until it settles', async () => {
    running = await startTestIngest({ answerWithinMs: 50 })
    let release = (): void => {}
    running.log.before = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const answer = await post()
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2'])
    expect(running.ingest.stats().inflightBytes).toBe(body.length)
    release()
    await eventually(() => running.ingest.stats().inflightBytes === 0, 'the bytes are given back')
  })

  it('maps every failure of the log to 503 with 1 to 3 s, and a message that never fits to 413', async () => {
    running = await startTestIngest()
    const cases: [Error, number, string | undefined][] = [
      [new TransientError('LOG_FULL', 'full', 60_000), 503, '3'],
      [new TransientError('LOG_CLOSED', 'closing', 10), 503, '1'],
      [new PermanentError('LOG_IO', 'disk'), 503, '1'],
      [new Error('surprise'), 503, '1'],
      [new PermanentError('MESSAGE_TOO_LARGE', 'no'), 413, undefined],
    ]
    for (const [error, status, retryAfter] of cases) {
      running.log.before = () => Promise.reject(error)
      const answer = await post()
      expect([answer.status, answer.headers['retry-after']], error.message).toEqual([status, retryAfter])
    }
    expect(running.ingest.stats().signals.otlp_logs.refused).toEqual({ OVERLOADED: 4, BODY_TOO_LARGE: 1 })
    running.log.before = null
    expect((await post()).status).toBe(200)
  })

  it('answers 503 to a body that stalls and forgets one that is aborted', async () => {
    running = await startTestIngest({ stallMs: 100 })
    const stalled = connect(running.otlp)
    stalled.write(head('Content-Length: 1000'))
    stalled.write('{"resource')
    expect(await stalled.until(/stalled/)).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/)
    const aborted = connect(running.otlp)
    aborted.write(head('Content-Length: 5000', ''))
    await eventually(() => open() === 1, 'the request has arrived')
    aborted.socket.destroy()
    await eventually(() => open() === 0, 'the request is forgotten')
    expect(running.ingest.stats().inflightBytes).toBe(0)
    expect(running.log.messages).toEqual([])
    stalled.socket.destroy()
  })

  it('appends once for a client that goes away while it waits', async () => {
    running = await startTestIngest()
    let release = (): void => {}
    running.log.before = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const client = connect(running.otlp)
    client.write(head(`Content-Length: ${body.length}`) + body)
    await eventually(() => running.ingest.stats().inflightBytes > 0 && open() === 1, 'the append is held')
    client.socket.destroy()
    await eventually(() => running.ingest.stats().sockets === 0, 'the client is gone')
    release()
    await eventually(() => open() === 0, 'the request is over')
    expect([running.log.messages.length, running.ingest.stats().inflightBytes, running.faults.length]).toEqual([1, 0, 0])
  })

  it('refuses requests beyond its sockets with 503', async () => {
    running = await startTestIngest({ maxSockets: 2 })
    const idle = [connect(running.otlp), connect(running.alerts)]
    await eventually(() => running.ingest.stats().sockets === 2, 'two sockets')
    const answer = await post(asProtobuf)
    expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([503, '1', 'application/x-protobuf'])
    expect(running.ingest.stats().signals.otlp_logs.refused).toEqual({ OVERLOADED: 1 })
    for (const { socket } of idle) socket.destroy()
    await eventually(() => running.ingest.stats().sockets === 0, 'no sockets')
    expect((await post()).status).toBe(200)
  })

  it('serves 100 requests at once over kept connections', async () => {
    running = await startTestIngest()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 100 })
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => send(running.otlp, { path: '/v1/logs', headers: asJson, body, agent })),
      )
      expect(answers.every(({ status }) => status === 200)).toBe(true)
    }
    expect(running.log.messages.length).toBe(500)
    expect(running.ingest.stats().sockets).toBeLessThanOrEqual(100)
    agent.destroy()
  })

  it('goes on over the same connection after a refusal whose body it did not read', async () => {
    running = await startTestIngest()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const filler = new Uint8Array(500_000)
    expect(
      (await send(running.otlp, { path: '/v1/logs', headers: { 'content-type': 'application/json' }, body: filler, agent })).status,
    ).toBe(401)
    expect(
      (await send(running.otlp, { path: '/v1/logs', headers: { ...asJson, 'content-encoding': 'nope' }, body: filler, agent })).status,
    ).toBe(415)
    expect((await send(running.otlp, { path: '/v1/logs', headers: asJson, body, agent })).status).toBe(200)
    agent.destroy()
  })

  it('keeps an idle connection for as long as its answers say', async () => {
    running = await startTestIngest()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const { headers } = await send(running.otlp, { path: '/v1/logs', headers: asJson, body, agent })
    const seconds = Number(/^timeout=(\d+)$/.exec(headers['keep-alive'] as string)?.[1])
    expect(seconds).toBeGreaterThanOrEqual(5)
    agent.destroy()
    const client = connect(running.otlp)
    client.write(head(`Content-Length: ${body.length}`) + body)
    await client.until(/partialSuccess/)
    await new Promise((resolve) => {
      setTimeout(resolve, 1000 * seconds)
    })
    expect(client.socket.destroyed).toBe(false)
    client.socket.destroy()
  }, 20_000)

  it('takes headers of up to 16 KB', async () => {
    running = await startTestIngest()
    expect((await post({ ...asJson, 'x-long': 'y'.repeat(12_000) })).status).toBe(200)
  })
})

describe('closing and listening', () => {
  it('finishes what is in flight, then refuses connections', async () => {
    running = await startTestIngest()
    let release = (): void => {}
    running.log.before = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const inFlight = post()
    await eventually(() => running.ingest.stats().inflightBytes > 0, 'the append is held')
    const closed = running.ingest.close()
    release()
    expect((await inFlight).status).toBe(200)
    await closed
    await expect(post()).rejects.toThrow(/ECONNREFUSED|hang up|ECONNRESET/)
  })

  it('tells a request that comes over an open connection while it closes to come again', async () => {
    running = await startTestIngest()
    const client = connect(running.otlp)
    client.write(head(`Content-Length: ${body.length}`) + body)
    await client.until(/partialSuccess/)
    const closed = running.ingest.close()
    client.write(head(`Content-Length: ${body.length}`) + body)
    expect(await client.until(/shutting down/)).toMatch(/HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/)
    await closed
  })

  it('names the setting when a port is taken', async () => {
    running = await startTestIngest()
    await expect(startTestIngest({ otlpListen: { host: '127.0.0.1', port: running.otlp } })).rejects.toMatchObject({
      code: 'PORT_BUSY',
      message: expect.stringContaining('LAPWING_OTLP_LISTEN'),
    })
    await expect(startTestIngest({ alertsListen: { host: '127.0.0.1', port: running.alerts } })).rejects.toMatchObject({
      code: 'PORT_BUSY',
      message: expect.stringContaining('LAPWING_ALERTS_LISTEN'),
    })
    expect((await post()).status).toBe(200)
  })

  it('says when the event log takes no marks, and when it does again', async () => {
    const log = createLogSink(1)
    let takes = false
    running = await startTestIngest(
      { markIntervalMs: 5 },
      { ...log, append: async (message) => (takes ? log.append(message) : Promise.reject(new Error('full'))) },
    )
    const { ingest } = running
    await eventually(() => !ingest.stats().logTakesMarks, 'a mark failed')
    takes = true
    await eventually(() => ingest.stats().logTakesMarks, 'a mark was taken')
    expect(ingest.stats().marksFailed).toBeGreaterThan(0)
  })

  it('marks every partition at once and then regularly while it listens', async () => {
    const log = createLogSink(3)
    running = await startTestIngest({ markIntervalMs: 20 }, log)
    await eventually(() => log.marks.length >= 9, 'three marks each')
    await running.ingest.close()
    const count = log.marks.length
    expect([0, 1, 2].map((partition) => log.marks.some((mark) => mark.partition === partition && mark.envelope.receivedAtMs > 0))).toEqual([
      true,
      true,
      true,
    ])
    await new Promise((resolve) => {
      setTimeout(resolve, 60)
    })
    expect(log.marks.length).toBe(count)
  })
})
