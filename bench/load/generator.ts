// The load generator as a process of its own, so that its processor time is counted apart. It is told once what to send, makes its
// bodies, says so, and sends when it is told to.
import { createCorpus, type CorpusShape } from './body.ts'
import { prepareBodies, type BodyCompression } from './encoded.ts'
import { runOpenLoop, type LoadPlan, type LoadResult } from './open-loop.ts'

export interface GeneratorOrder extends Omit<LoadPlan, 'bodies' | 'contentType' | 'contentEncoding' | 'signal'> {
  readonly shape: CorpusShape
  readonly compression: BodyCompression
  /** Added to the times of records. */ readonly timeShiftMs?: number
}
export interface Generated extends LoadResult {
  readonly cpuSeconds: number
}
export type FromGenerator = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly result: Generated }

const CONTENT_TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const

const prepare = (order: GeneratorOrder): LoadPlan => {
  const corpus = createCorpus(order.shape)
  const { take } = prepareBodies(corpus, order.compression, { first: order.firstAttempt ?? 0, count: order.requests })
  const shift = order.timeShiftMs ?? 0
  return {
    ...order,
    bodies: { take: (connection, attempt, nowMs) => take(connection, attempt, nowMs + shift) },
    contentType: CONTENT_TYPES[corpus.format],
    ...(order.compression === 'none' ? {} : { contentEncoding: order.compression }),
  }
}
const tell = (message: FromGenerator): void => {
  process.send!(message)
}

const ending = new AbortController()
let plan: LoadPlan | null = null
process.on('message', (message: GeneratorOrder | 'go' | 'end') => {
  if (message === 'end') {
    ending.abort()
    return
  }
  if (message !== 'go') {
    plan = prepare(message)
    tell({ kind: 'ready' })
    return
  }
  const before = process.cpuUsage()
  void runOpenLoop({ ...plan!, signal: ending.signal }).then((result) => {
    const { user, system } = process.cpuUsage(before)
    tell({ kind: 'done', result: { ...result, cpuSeconds: (user + system) / 1e6 } })
  })
})
// Whoever asked is gone: nobody wants the load.
process.on('disconnect', () => process.exit())
