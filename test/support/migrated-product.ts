// The product on a control plane that was made before: to make one is half of a first start. `test/e2e/product.test.ts` makes its own.
import { join } from 'node:path'
import { createProduct, type Product } from '../../bench/load/product.ts'
import { copyMigratedStore } from './migrated-store.ts'

export const createMigratedProduct = async (options: { readonly env?: Record<string, string> } = {}): Promise<Product> => {
  const product = createProduct(options)
  await copyMigratedStore(join(product.dataDir, 'control-plane'))
  return product
}
