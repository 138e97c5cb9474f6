import { expect, test } from 'vitest'
import { nearest } from '../../api/nearest.ts'

test.each([
  ['stauts', 'status'],
  ['statu', 'status'],
  ['Status', 'status'],
  ['serviceId', 'service_id'],
  ['severty_mn', 'severity_min'],
  ['limitt', 'limit'],
  ['to', 'to'],
  ['monitors:raed', 'monitors:read'],
  ['severity', 'severity_min'],
  ['mon', 'monitors:read'],
])('%s was probably meant as %s', (word, meant) => {
  expect(nearest(word, ['status', 'service_id', 'severity_min', 'limit', 'to', 'monitors:read'])).toBe(meant)
})

test.each([[''], ['colour'], ['x'], ['s'.repeat(100)], ['sttaauss']])('%s is near to nothing', (word) => {
  expect(nearest(word, ['status', 'limit', 'to'])).toBeNull()
})
