// What is left, on every answer: of the address (X-RateLimit-*), of the token's day (X-PAT-*, where it has caps), and both as the IETF
// draft writes them (RateLimit-Policy, RateLimit). X-*-Reset is a Unix time in seconds, t a number of seconds.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Budgets, Usage } from '../services/budgets.ts'
import { nextDayMs } from '../../streams/contracts/log-bytes.ts'
import { WINDOW_MS } from './address-limit.ts'

interface Limit {
  readonly name: string
  readonly max: number
  readonly left: number
  readonly resetMs: number
  readonly windowSeconds: number
  readonly unit?: string
}
const DAY_SECONDS = 86_400

const capsOf = (request: FastifyRequest, usage: Usage | null, nowMs: number): Record<'mutations' | 'logBytes', Limit | null> => {
  const { dailyMutationLimit = null, dailyLogBytesLimit = null } = (request.principal as FastifyRequest['principal'] | undefined) ?? {}
  const cap = (name: string, max: number | null, used: number | undefined, unit?: string): Limit | null =>
    max === null || used === undefined
      ? null
      : { name, max, left: Math.max(0, max - used), resetMs: nextDayMs(nowMs), windowSeconds: DAY_SECONDS, unit }
  return {
    mutations: cap('pat-mut', dailyMutationLimit, usage?.mutations),
    logBytes: cap('pat-log-bytes', dailyLogBytesLimit, usage?.logBytes, 'content-bytes'),
  }
}

const plain = (prefix: string, { max, left, resetMs }: Limit): Record<string, number> => ({
  [`${prefix}-limit`]: max,
  [`${prefix}-remaining`]: left,
  [`${prefix}-reset`]: Math.ceil(resetMs / 1000),
})

const structured = (limits: readonly Limit[], nowMs: number): Record<string, string> =>
  limits.length === 0
    ? {}
    : {
        'ratelimit-policy': limits
          .map(({ name, max, windowSeconds, unit }) => `"${name}";q=${max};w=${windowSeconds}${unit === undefined ? '' : `;qu="${unit}"`}`)
          .join(', '),
        ratelimit: limits.map(({ name, left, resetMs }) => `"${name}";r=${left};t=${Math.ceil((resetMs - nowMs) / 1000)}`).join(', '),
      }

export const tellLimits = (app: FastifyInstance, budgets: Pick<Budgets, 'usage'>, clock: () => number): void => {
  const tell = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const principal = (request.principal as FastifyRequest['principal'] | undefined) ?? null
    const usage = principal === null ? null : await budgets.usage(principal)
    const nowMs = clock()
    const { addressLimit } = request
    const address: Limit | null =
      addressLimit === null
        ? null
        : {
            name: 'ip',
            max: addressLimit.max,
            left: addressLimit.remaining,
            resetMs: nowMs + addressLimit.ttlMs,
            windowSeconds: WINDOW_MS / 1000,
          }
    const { mutations, logBytes } = capsOf(request, usage, nowMs)
    void reply.headers({
      ...(address === null ? {} : plain('x-ratelimit', address)),
      ...(mutations === null ? {} : plain('x-pat-mut', mutations)),
      ...(logBytes === null ? {} : { ...plain('x-pat-logbytes', logBytes), 'x-pat-logbytes-used': logBytes.max - logBytes.left }),
      ...structured(
        [address, mutations, logBytes].filter((limit) => limit !== null),
        nowMs,
      ),
    })
  }
  app.addHook('onSend', async (request, reply, payload) => {
    await tell(request, reply)
    return payload
  })
  // A stream is written past the framework: its headers are those that are there when it begins.
  app.addHook('preHandler', async (request, reply) => {
    if ((request.routeOptions.config as { isStream?: boolean }).isStream === true) await tell(request, reply)
  })
}
