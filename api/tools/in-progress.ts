// Which tool the request at hand stands for. Told beside the request, not in it: a header could be sent by anybody, and the audit trail is to be believed.
import { AsyncLocalStorage } from 'node:async_hooks'

const current = new AsyncLocalStorage<string>()

/** What `work` asks of our own API is asked by the tool. */
export const asTool = <T>(name: string, work: () => Promise<T>): Promise<T> => current.run(name, work)
/** Null for a request that came by itself. */
export const toolInProgress = (): string | null => current.getStore() ?? null
