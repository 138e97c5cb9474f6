// A back-up as the operations page has it: the process is stopped, its directory copied, and a product on the copy goes on with everything.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createProduct, until, type Product } from '../../bench/load/product.ts'
import { createMigratedProduct } from '../support/migrated-product.ts'

const send = async (product: Product, message: string): Promise<number> =>
  (
    await fetch(`${product.addresses().otlp}/api/v1/logs/ingest`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ service: 'kept', message }),
    })
  ).status
const messages = async (product: Product): Promise<string[]> =>
  ((await (await product.api('/api/v1/logs/search?service=kept')).json()) as { events: { message: string }[] }).events
    .map(({ message }) => message)
    .sort()

it('a product on a copy of the directory has the records, tokens and monitors of the one that was copied', async () => {
  const first = await createMigratedProduct()
  const copy = mkdtempSync(join(tmpdir(), 'lapwing-copy-'))
  const second = createProduct({ dataDir: copy, token: first.token })
  try {
    await first.start()
    expect(await send(first, 'before')).toBe(200)
    const made = (await (
      await first.api('/api/v1/monitors', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'backup', type: 'heartbeat', intervalSec: 60 }),
      })
    ).json()) as { id: string }
    const { heartbeatUrl } = (await (await first.api(`/api/v1/monitors/${made.id}/secrets`)).json()) as { heartbeatUrl: string }
    // Stopped at once: what is not stored yet is in the log, and comes with it.
    expect(await first.stop()).toBe(0)
    cpSync(first.dataDir, copy, { recursive: true })
    await second.start()
    await until('what was acknowledged is found', 20_000, async () => (await messages(second)).join() === 'before')
    expect(await send(second, 'after')).toBe(200)
    expect((await fetch(`${second.addresses().otlp}${new URL(heartbeatUrl).pathname}`, { method: 'POST' })).status).toBe(204)
    await until('both are found', 20_000, async () => (await messages(second)).join() === 'after,before')
  } finally {
    await first.dispose()
    await second.dispose()
    rmSync(copy, { recursive: true, force: true })
  }
})
