import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { lookup } from 'node:dns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPublic, parseAllowList, type AllowList } from '../../../api/egress/address.ts'
import { createGuardedFetch } from '../../../api/egress/guarded-fetch.ts'

let server: Server
let port = 0
let hits = 0
beforeAll(async () => {
  server = createServer((request, response) => {
    hits++
    if (request.url === '/redirect') response.writeHead(302, { location: '/secret' }).end()
    else if (request.url === '/large') response.end('x'.repeat(100_000))
    else if (request.url === '/slow') setTimeout(() => response.end('late'), 3000).unref()
    else response.end('{"keys":[]}')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const allow = (text: string): AllowList => parseAllowList(text) as AllowList
/** Names resolve to what the test says, the first time and every later time. */
const resolving = (...answers: readonly string[][]): typeof lookup => {
  let asked = 0
  return ((_name: string, _options: object, done: (error: null, all: { address: string; family: number }[]) => void) => {
    done(
      null,
      answers[Math.min(asked++, answers.length - 1)].map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }) as unknown as typeof lookup
}

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'not an address',
    '',
  ])('%s is not public', (address) => {
    expect(isPublic(address)).toBe(false)
  })
  it.each(['93.184.216.34', '8.8.8.8', '2606:2800:220:1:248:1893:25c8:1946'])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true)
  })
})

describe('the list of the operator', () => {
  it('takes hosts with their port and networks, and names what it does not understand', () => {
    expect(allow('idp.internal:8443, 10.0.0.0/8,[fd00::1]:443')).toMatchObject({
      hosts: [
        { host: 'idp.internal', port: 8443 },
        { host: 'fd00::1', port: 443 },
      ],
      networks: [expect.anything()],
    })
    expect(parseAllowList('10.0.0.0/8,http://idp')).toBe('http://idp')
    expect(parseAllowList('idp.internal')).toBe('idp.internal')
    expect(parseAllowList('')).toEqual({ hosts: [], networks: [] })
  })
})

describe('a fetch through the guard', () => {
  const spellings = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:0:0:1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    '127.0.0.1.',
    '127.000.000.001',
    '①②⑦.0.0.1',
  ]
  it.each(spellings)('does not reach this machine as %s', async (host) => {
    const before = hits
    for (const scheme of ['http', 'https'])
      await expect(createGuardedFetch({ timeoutMs: 1000 })(`${scheme}://${host}:${port}/`)).rejects.toThrow()
    // Networks of the operator open ports and plain http, not the addresses outside them.
    await expect(createGuardedFetch({ timeoutMs: 1000, allow: allow('10.0.0.0/8') })(`http://${host}:${port}/`)).rejects.toThrow()
    expect(hits).toBe(before)
  })

  it('reaches what the operator names: by host and port, or by network', async () => {
    expect(await createGuardedFetch({ allow: allow(`127.0.0.1:${port}`) })(`http://127.0.0.1:${port}/`)).toEqual({
      status: 200,
      body: '{"keys":[]}',
    })
    expect((await createGuardedFetch({ allow: allow('127.0.0.0/8') })(`http://127.0.0.1:${port}/`)).status).toBe(200)
    expect(
      (
        await createGuardedFetch({ allow: allow(`idp.internal:${port}`), resolve: resolving(['127.0.0.1']) })(
          `http://idp.internal:${port}/`,
        )
      ).status,
    ).toBe(200)
    await expect(createGuardedFetch({ allow: allow(`127.0.0.1:${port + 1}`) })(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  it.each([[[['127.0.0.1']]], [[['93.184.216.34', '127.0.0.1']]], [[['::ffff:127.0.0.1']]], [[['10.0.0.1']]]])(
    'a name that resolves to %j is not called',
    async (answers) => {
      const before = hits
      await expect(createGuardedFetch({ timeoutMs: 500, resolve: resolving(...answers) })('https://rebinding.example/')).rejects.toThrow(
        'cannot be reached',
      )
      expect(hits).toBe(before)
    },
  )

  it('follows no redirect, reads no endless answer, waits for no slow one', async () => {
    const fetch = createGuardedFetch({ allow: allow(`127.0.0.1:${port}`), maxBytes: 10_000, timeoutMs: 300 })
    expect((await fetch(`http://127.0.0.1:${port}/redirect`)).status).toBe(302)
    await expect(fetch(`http://127.0.0.1:${port}/large`)).rejects.toThrow('cannot be reached')
    await expect(fetch(`http://127.0.0.1:${port}/slow`)).rejects.toThrow('cannot be reached')
  })

  it.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'http://example.com/',
    'https://user:pass@example.com/',
    'https://example.com:22/',
    `https://example.com/${'x'.repeat(3000)}`,
    'nonsense',
  ])('refuses the URL %s', async (url) => {
    await expect(createGuardedFetch({ timeoutMs: 200, resolve: resolving(['10.0.0.1']) })(url)).rejects.toThrow(
      /not a URL|only|credentials/,
    )
  })
})
