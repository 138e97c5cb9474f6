// The embedded engine against the contract.
import { createPglitePlace } from '../support/migrated-store.ts'
import { describeStore } from './store-contract.ts'

describeStore('PGlite', createPglitePlace)
