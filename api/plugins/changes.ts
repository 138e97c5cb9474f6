// Every change runs as one transaction: the count of the token's cap, the effect, its audit rows and, under an Idempotency-Key, the
// answer. So a crash leaves all of it or nothing, and a repeat gets the first answer byte for byte. With dry_run=true the same
// transaction is carried out and rolled back.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { apiError, isApiError, retryLater } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { auditOfRequest } from '../services/audit.ts'
import type { Budgets, Usage } from '../services/budgets.ts'
import { fingerprintOf, type Answer, type IdempotentAnswers, type KeyedCall } from '../services/idempotent-answers.ts'
import { lockTenant } from '../services/incident-store.ts'
import type { Sql, Store } from '../store/store.ts'
import { tryLock } from '../store/try-lock.ts'
import { within } from '../within.ts'
import { accessOf, principalOf } from './authentication.ts'
import { draftAnswer, sendAnswer } from './draft-reply.ts'
import { dryRunAnswer, takesDryRun, withDryRun } from './dry-run.ts'
import { readIdempotencyKey } from './idempotency-key.ts'
import { NO_UNDO } from './undo.ts'

interface Change {
  readonly dryRun: boolean
  readonly call: KeyedCall | null
  /** The answer is not to be kept by who sends it: it is kept already, or belongs to another call. */
  keptElsewhere: boolean
  working: boolean
  answered: boolean
  /** Of the token, when the change is committed. */
  usage: Usage | null
  readonly effects: Set<() => Promise<void>>
}

declare module 'fastify' {
  interface FastifyRequest {
    change: Change | null
  }
}

export interface Changes {
  /** In a change: when it is committed, once, before its answer leaves; never for a dry run. Elsewhere: at once. */
  afterCommit(effect: () => Promise<void>): Promise<void>
  install(app: FastifyInstance): void
}
export interface ChangeDeps {
  readonly store: Store
  readonly answers: IdempotentAnswers
  readonly budgets: Budgets
  readonly logger: Logger
}

/** What is done beside the transaction is not waited for any longer. */
const ASIDE_MS = 400
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE']
/** What may pass, and what the caller may mend about himself, is not an answer to keep. */
const isKept = (status: number): boolean => status < 500 && ![401, 403, 429].includes(status)
const isChange = (route: Pick<RouteOptions, 'schema' | 'url' | 'method'>): boolean => {
  const access = accessOf(route)
  return [route.method].flat().some((method) => METHODS.includes(method)) && !('public' in access) && access.changesNothing !== true
}

class RolledBack extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super('rolled back')
    this.answer = answer
  }
}

/** Beside what the call answers, and in a header where it answers nothing. */
const withUndo = (answer: Answer, undo: object): Answer => {
  const text = JSON.stringify(undo)
  if (answer.body === '')
    return {
      ...answer,
      headers: {
        ...answer.headers,
        'x-undo': text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
      },
    }
  return answer.body.endsWith('}')
    ? { ...answer, body: `${answer.body.slice(0, -1)}${answer.body === '{}' ? '' : ','}"undo":${text}}` }
    : answer
}

export const createChanges = ({ store, answers, budgets, logger }: ChangeDeps): Changes => {
  const inFlight = new Set<string>()
  const current = new AsyncLocalStorage<Change>()
  const inProgress = () => retryLater('IDEMPOTENCY_IN_PROGRESS', 'a call with this Idempotency-Key is being carried out', 1)
  const release = ({ call }: Change): void => {
    if (call !== null) inFlight.delete(answers.nameOf(call))
  }

  const callOf = (request: FastifyRequest): KeyedCall | null => {
    const key = readIdempotencyKey(request.headers['idempotency-key'])
    if (key === null) return null
    const { tenant, tokenId, userId } = principalOf(request)
    const fingerprint = fingerprintOf(
      request.method,
      request.routeOptions.url ?? '',
      request.params,
      request.query as Record<string, unknown>,
      request.rawBody,
    )
    return { tenant, owner: tokenId === '' ? `user:${userId}` : tokenId, key, fingerprint }
  }
  /** @throws ApiError IDEMPOTENCY_KEY_REPLAY_CONFLICT. */
  const firstAnswer = async (sql: Sql, call: KeyedCall, change: Change): Promise<Answer | null> => {
    const found = await answers.find(sql, call)
    if (found === 'none') return null
    change.keptElsewhere = true
    if (found === 'conflict') throw apiError('IDEMPOTENCY_KEY_REPLAY_CONFLICT', 'the Idempotency-Key was used for another call')
    return { ...found, headers: { ...found.headers, 'idempotent-replayed': 'true' } }
  }
  const begin = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const dryRun = takesDryRun(request)
    const call = dryRun ? null : callOf(request)
    if (call !== null && inFlight.has(answers.nameOf(call))) throw inProgress()
    const change: Change = { dryRun, call, keptElsewhere: false, working: false, answered: false, usage: null, effects: new Set() }
    request.change = change
    if (call === null) return undefined
    inFlight.add(answers.nameOf(call))
    // A store that is slow or away is the handler's to tell, which looks again.
    const first = await within(ASIDE_MS, firstAnswer(store, call, change)).catch((error: unknown) => {
      if (isApiError(error)) throw error
      return null
    })
    return first === null ? undefined : sendAnswer(reply, first)
  }
  /** The answer that leaves, and whether it is of now or was given before. */
  const carryOut = (request: FastifyRequest, change: Change, handle: () => Promise<Answer>): Promise<Answer> =>
    store.transaction(async (sql) => {
      const { call } = change
      const principal = principalOf(request)
      if (call !== null && !(await tryLock(sql, answers.nameOf(call)))) {
        change.keptElsewhere = true
        throw inProgress()
      }
      const first = call === null ? null : await firstAnswer(sql, call, change)
      if (first !== null) return first
      // One change of a tenant at a time: their audit rows are a chain.
      await lockTenant(sql, principal.tenant)
      if (!change.dryRun) change.usage = await budgets.spend(sql, principal)
      const answer = await current.run(change, handle)
      if (answer.status >= 400) throw new RolledBack(answer)
      if (change.dryRun) throw new RolledBack(dryRunAnswer(answer, await auditOfRequest(sql, principal.tenant, request.id)))
      const whole = withUndo(answer, request.undo)
      if (call !== null) {
        await answers.save(sql, call, whole)
        change.keptElsewhere = true
      }
      return whole
    })
  const finish = async (request: FastifyRequest, reply: FastifyReply, handle: () => Promise<Answer>): Promise<unknown> => {
    const change = request.change!
    change.working = true
    try {
      if (!change.dryRun) budgets.refuseSpent(principalOf(request))
      const answer = await carryOut(request, change, handle).catch((error: unknown) => {
        if (error instanceof RolledBack) return error.answer
        throw error
      })
      if (answer.status < 400 && change.usage !== null) budgets.learn(principalOf(request), change.usage)
      if (answer.status < 400 && !change.dryRun) for (const effect of change.effects) await effect()
      // Who waited too long was told so; a repeat gets this answer.
      return change.answered ? undefined : sendAnswer(reply, answer)
    } finally {
      change.working = false
      if (change.answered) release(change)
    }
  }
  /** Refusals that no transaction kept: what is wrong with a call is wrong with its repeats. */
  const end = async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<void> => {
    const { change } = request
    if (change === null || change.answered) return
    change.answered = true
    if (change.working) return
    const { call } = change
    if (call !== null && !change.keptElsewhere && isKept(reply.statusCode) && reply.statusCode >= 400) {
      const answer: Answer = {
        status: reply.statusCode,
        headers: { 'content-type': String(reply.getHeader('content-type')) },
        body: String(payload),
      }
      await within(ASIDE_MS, answers.save(store, call, answer)).catch((error: unknown) => {
        logger.warn({ error: String(error) }, 'an answer was not kept for its Idempotency-Key')
      })
    }
    release(change)
  }

  return {
    afterCommit: async (effect) => {
      const change = current.getStore()
      if (change === undefined) await effect()
      else change.effects.add(effect)
    },
    install: (app) => {
      app.decorateRequest('change', null)
      app.decorateRequest('undo')
      app.addHook('onRoute', (route) => {
        if (!isChange(route)) return
        const { handler } = route
        route.schema = withDryRun(route.schema)
        route.handler = function changing(this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
          return finish(request, reply, () => draftAnswer(reply, (standIn) => handler.call(this, request, standIn)))
        }
      })
      app.addHook('preValidation', async (request, reply) => {
        const { schema, url = '', method } = request.routeOptions
        if (request.is404 || !isChange({ schema, url, method: method as 'GET' })) return
        request.undo = NO_UNDO
        return await begin(request, reply)
      })
      app.addHook('onSend', async (request, reply, payload) => {
        await end(request, reply, payload)
        return payload
      })
    },
  }
}
