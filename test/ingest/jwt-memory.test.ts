import { describe, expect, it } from 'vitest'
import { createJwtMemory } from '../../ingest/jwt-memory.ts'
import type { Principal } from '../../streams/contracts/principal.ts'

const principal = { tenant: 'acme' } as Principal
const JWT = 'aaa.bbb.ccc'

describe('JWTs at ingest', () => {
  it('are asked about once, told to come again meanwhile, and then known', () => {
    const asked: string[] = []
    const memory = createJwtMemory((_token, hash) => {
      asked.push(hash)
    })
    expect([memory.lookUp(JWT, 'h', 0), memory.lookUp(JWT, 'h', 1), asked]).toEqual(['checking', 'checking', ['h']])
    memory.learn('h', principal, 10)
    expect(memory.lookUp(JWT, 'h', 20)).toBe(principal)
    memory.learn('bad', null, 10)
    expect(memory.lookUp(JWT, 'bad', 20)).toBe('refused')
    expect(asked).toEqual(['h'])
  })

  it('are asked about anew before what was learnt ends, and not used beyond it', () => {
    const asked: string[] = []
    const memory = createJwtMemory((_token, hash) => {
      asked.push(hash)
    })
    memory.learn('h', principal, 0)
    expect([memory.lookUp(JWT, 'h', 30_001), memory.lookUp(JWT, 'h', 60_000), asked.length]).toEqual([principal, principal, 1])
    expect(memory.lookUp(JWT, 'h', 60_001)).toBe('checking')
    memory.learn('new', 'unknown', 60_002)
    expect(memory.lookUp(JWT, 'new', 60_003)).toBe('checking')
  })

  it('hold for ten minutes while nobody can answer, and are asked about all the time', () => {
    let asked = 0
    const memory = createJwtMemory((_token, hash) => {
      asked++
      memory.learn(hash, 'unknown', nowMs)
    })
    let nowMs = 0
    const lookUp = (ms: number) => memory.lookUp(JWT, 'h', (nowMs = ms))
    memory.learn('h', principal, 0)
    for (let ms = 31_000; ms < 600_000; ms += 10_000) expect(lookUp(ms)).toBe(principal)
    expect(asked).toBe(57)
    expect(lookUp(600_001)).toBe('checking')
    // Who was not there meanwhile is asked about first.
    memory.learn('h', principal, 700_000)
    memory.learn('h', 'unknown', 740_000)
    expect([lookUp(800_001), lookUp(800_002)]).toEqual(['checking', principal])
    // Nobody is asked about at every request.
    const before = asked
    for (let ms = 0; ms < 100; ms++) lookUp(800_100 + ms)
    expect(asked).toBe(before)
    // A refusal is not prolonged.
    memory.learn('h', null, 810_000)
    expect([lookUp(840_001), lookUp(870_001)]).toEqual(['refused', 'checking'])
  })

  it('are forgotten when credentials change, and refused unasked when there is no issuer or it is no JWT', () => {
    const memory = createJwtMemory(() => {})
    memory.learn('h', principal, 0)
    memory.forget()
    expect(memory.lookUp(JWT, 'h', 1)).toBe('checking')
    expect(memory.lookUp('obs_x', 'x', 1)).toBe('refused')
    expect(memory.lookUp(`${'a'.repeat(9000)}.b.c`, 'x', 1)).toBe('refused')
    expect(createJwtMemory(null).lookUp(JWT, 'h', 1)).toBe('refused')
  })

  it('that are made up cost the main thread a bounded number of checks at once', () => {
    let asked = 0
    const memory = createJwtMemory(() => {
      asked++
    })
    for (let n = 0; n < 1000; n++) memory.lookUp(JWT, `h${n}`, 0)
    expect(asked).toBe(64)
  })
})
