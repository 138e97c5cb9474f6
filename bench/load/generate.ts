// The load generator seen from the one who orders a load.
import { startNodeChild } from './node-child.ts'
import type { FromGenerator, Generated, GeneratorOrder } from './generator.ts'

export interface Generator {
  /** Sends all of it; resolves when the last is answered. */
  go(): Promise<Generated>
  /** No more: what is under way is answered first. */
  end(): void
  stop(): Promise<void>
}

/** Resolves when its bodies are ready. */
export const startGenerator = async (order: GeneratorOrder): Promise<Generator> => {
  const child = startNodeChild<FromGenerator>(new URL('generator.ts', import.meta.url), {})
  child.send(order)
  await child.next('ready')
  return {
    go: async () => {
      child.send('go')
      return (await child.next('done')).result
    },
    end: () => child.send('end'),
    stop: child.stop,
  }
}

/** One load from beginning to end. */
export const generate = async (order: GeneratorOrder): Promise<Generated> => {
  const generator = await startGenerator(order)
  try {
    return await generator.go()
  } finally {
    await generator.stop()
  }
}
