// So many requests of one address in a minute, counted before anything else is looked at; an IPv6 address stands for its /64.
// The only file that imports @fastify/rate-limit.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { retryLater } from '../errors.ts'
import type { AddressWindows } from '../services/address-windows.ts'

export const WINDOW_MS = 60_000

declare module 'fastify' {
  interface FastifyRequest {
    addressLimit: { readonly max: number; readonly remaining: number; readonly ttlMs: number } | null
  }
}

type Incremented = (error: null, result: { current: number; ttl: number }) => void

/** Whoever watches the process must hear from it however busy an address is. */
const isNeverRefused = (url: string): boolean => /^\/health(\/|\?|$)/.test(url)

export const limitAddresses = async (app: FastifyInstance, max: number, windows: AddressWindows): Promise<void> => {
  const store = {
    incr: (address: string, done: Incremented) => {
      done(null, windows.hit(address))
    },
    child: () => store,
  }
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow: WINDOW_MS,
    store: function Store() {
      return store
    } as never,
  })
  const limit = app.createRateLimit()
  app.decorateRequest('addressLimit', null)
  app.addHook('onRequest', async (request) => {
    const counted = await limit(request)
    if (counted.isAllowed) return
    request.addressLimit = { max: counted.max, remaining: counted.remaining, ttlMs: counted.ttl }
    if (counted.isExceeded && !isNeverRefused(request.url))
      throw retryLater('RATE_LIMITED', `more than ${max} requests in ${WINDOW_MS / 1000} s from this address`, counted.ttl / 1000)
  })
}
