import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readResults, summarise } from './results.ts'

it('the README says what the recorded rounds of faults came to', () => {
  expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain(summarise(readResults()))
})
