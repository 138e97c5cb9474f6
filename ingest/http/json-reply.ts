// The product's own JSON answers on the ingest ports: plain results, and the error envelope with its request id.
import { randomUUID } from 'node:crypto'
import type { Failure } from '../failure.ts'
import type { Reply } from './exchange.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

export const jsonReply = (value: object): Reply => ({
  status: 200,
  contentType: JSON_TYPE,
  body: JSON.stringify(value),
  headers: [['X-Request-Id', randomUUID()]],
})

export const failureReply = (failure: Failure): Reply => {
  const requestId = randomUUID()
  return {
    status: failure.status,
    contentType: JSON_TYPE,
    body: JSON.stringify({
      error: failure.message,
      code: failure.code,
      ...(failure.hint ? { hint: failure.hint } : {}),
      request_id: requestId,
    }),
    headers: [...(failure.headers ?? []), ['X-Request-Id', requestId]],
    close: failure.close,
  }
}
