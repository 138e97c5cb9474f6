// Every error leaves in one envelope with a code of the registry and the request's id; problem+json when it is asked for.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PermanentError, TransientError } from '../../streams/contracts/errors.ts'
import { apiError, errorCodes, isApiError, type ApiError, type ErrorName } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { prefersProblem } from './accept.ts'
import { toField, type Asked, type Validation } from './teaching.ts'

const byFastifyCode: Readonly<Record<string, ErrorName>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BAD_JSON',
  FST_ERR_BAD_URL: 'NOT_FOUND',
  FST_ERR_ASYNC_CONSTRAINT: 'NOT_FOUND',
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
}

const askedOf = (request: FastifyRequest, part: string): Asked => {
  const schema = (request.routeOptions.schema ?? {}) as Asked['schemas'] & { operationId?: string }
  return { method: request.method, route: request.routeOptions.url ?? '', operationId: schema.operationId ?? '', part, schemas: schema }
}

/** Anything thrown → an error of the registry. What is not ours to tell becomes INTERNAL. */
const toApiError = (error: FastifyError | Error, request: FastifyRequest): { error: ApiError; retryAfterSeconds?: number } => {
  if (isApiError(error)) return { error }
  if (error instanceof TransientError) {
    const retryAfterSeconds = Math.max(1, Math.ceil(error.retryAfterMs / 1000))
    return {
      error:
        error.code === 'STORE_OVERLOADED' || error.code === 'QUERY_TIMED_OUT'
          ? apiError('OVERLOADED', 'a store has more to do than it can')
          : apiError('STORE_UNAVAILABLE', 'a store cannot be reached'),
      retryAfterSeconds,
    }
  }
  if (error instanceof PermanentError) return { error: apiError('INTERNAL', 'the request could not be carried out') }
  const fastify = error as FastifyError
  if (fastify.validation !== undefined) {
    const asked = askedOf(request, fastify.validationContext ?? '')
    const fields = (fastify.validation as unknown as Validation[]).map((one) => toField(one, asked))
    return {
      error: apiError(
        'VALIDATION_FAILED',
        `${fastify.validationContext ?? 'request'}: ${fields.map((field) => `${field.path || 'value'} ${field.message}`).join('; ')}`,
        fields,
      ),
    }
  }
  const known = byFastifyCode[fastify.code]
  if (known !== undefined) return { error: apiError(known, errorCodes[known].meaning) }
  if (fastify.statusCode !== undefined && fastify.statusCode >= 400 && fastify.statusCode < 500)
    return {
      error: apiError(
        error instanceof SyntaxError || fastify.statusCode === 400 ? 'BAD_JSON' : 'NOT_FOUND',
        fastify.statusCode === 400 ? errorCodes.BAD_JSON.meaning : errorCodes.NOT_FOUND.meaning,
      ),
    }
  return { error: apiError('INTERNAL', 'something of ours went wrong') }
}

/** `more` is told beside what every error tells. */
export const sendError = (
  request: FastifyRequest,
  reply: FastifyReply,
  error: ApiError,
  retryAfterSeconds = 1,
  more: object = {},
): FastifyReply => {
  const kind = errorCodes[error.code]
  if (kind.status === 503 || kind.status === 429 || error.retryAfterSeconds !== undefined)
    reply.header('retry-after', error.retryAfterSeconds ?? retryAfterSeconds)
  if (kind.status === 401) reply.header('www-authenticate', 'Bearer')
  const shared = {
    code: error.code,
    ...(error.fields === undefined ? {} : { fields: error.fields }),
    hint: kind.hint,
    request_id: request.id,
    ...error.more,
    ...more,
  }
  if (prefersProblem(request.headers.accept)) {
    return reply
      .code(kind.status)
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send({
        type: `/docs/errors#${error.code}`,
        title: kind.meaning,
        status: kind.status,
        detail: error.message,
        instance: request.url,
        ...shared,
      })
  }
  return reply
    .code(kind.status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error: error.message, ...shared })
}

export const handleErrors = (app: FastifyInstance, logger: Logger): void => {
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const { error, retryAfterSeconds } = toApiError(thrown, request)
    const fields = { requestId: request.id, route: request.routeOptions.url, error: thrown.message }
    // A store that is away fails every request: that it is away is worth a line, not a stack.
    if (errorCodes[error.code].status === 503) logger.warn(fields, 'request refused')
    else if (errorCodes[error.code].status >= 500) logger.error({ ...fields, stack: thrown.stack }, 'request failed')
    return sendError(request, reply, error, retryAfterSeconds)
  })
}
