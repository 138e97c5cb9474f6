// What an end-to-end test speaks to: a product of its own, or the running cluster that LAPWING_TEST_CLUSTER describes (the suite of the
// cluster sets it). Tests that end or inspect the process itself make a product.
import { reach, type Endpoints, type Reachable } from '../../bench/load/product.ts'
import { createMigratedProduct } from './migrated-product.ts'

export interface Target extends Reachable {
  /** Then another process may learn of a change up to a second after it was answered. */
  readonly isCluster: boolean
  dispose(): Promise<void>
}
export interface ClusterDescription {
  readonly token: string
  readonly readerPassword: string
  readonly addresses: Endpoints
  /** Every process, with the addresses that its role has. */
  readonly members: readonly (Omit<Endpoints, 'clickhouse'> & { readonly role: string; readonly name: string; readonly admin: string })[]
}

export const openTarget = async (env: Record<string, string> = {}): Promise<Target> => {
  const described = process.env.LAPWING_TEST_CLUSTER
  if (described === undefined) {
    const product = await createMigratedProduct({ env })
    await product.start()
    return { ...product, isCluster: false }
  }
  const { token, readerPassword, addresses } = JSON.parse(described) as ClusterDescription
  return { ...reach({ token, readerPassword, addresses: () => addresses }), isCluster: true, dispose: async () => undefined }
}
