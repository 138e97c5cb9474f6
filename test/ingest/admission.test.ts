import { expect, it } from 'vitest'
import { createAdmission } from '../../ingest/admission.ts'

const open = () => createAdmission({ maxInflightBytes: 100, maxEntryBytes: 50, maxSockets: 1 })

it('what a request becomes keeps no other out while there is room', () => {
  const admission = open()
  const large = admission.tryReserve(10)!
  expect(large.grow(70)).toBe(true)
  expect([admission.tryReserve(10) === null, admission.tryReserve(11), admission.inflightBytes()]).toEqual([false, null, 90])
})

it('what requests bring leaves room for what they become', () => {
  const admission = open()
  const first = admission.tryReserve(40)!
  expect(admission.tryReserve(11)).toBeNull()
  expect([first.grow(61), first.grow(60), admission.inflightBytes()]).toEqual([false, true, 100])
})

it('gives back what was taken, each part once', () => {
  const admission = open()
  const lease = admission.tryReserve(50)!
  lease.grow(30)
  lease.shrink(40)
  expect([lease.held(), admission.inflightBytes(), admission.tryReserve(11), admission.tryReserve(10)?.held()]).toEqual([40, 40, null, 10])
  lease.release()
  lease.release()
  lease.shrink(5)
  expect([lease.held(), admission.inflightBytes()]).toEqual([0, 10])
  expect(admission.tryReserve(40)).not.toBeNull()
})
