// Membership against a coordinator of the test's own: what is in hand at a rebalance is finished before the next generation, or fenced.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import {
  GroupError,
  planOf,
  runMembership,
  type GroupCalls,
  type GroupVerdict,
  type GroupWork,
} from '../../../streams/kafka/group-protocol.ts'
import { until } from '../../../bench/load/product.ts'

const TIMES = { heartbeatMs: 5, handOverMs: 200, againMs: 5 }
const logger = { warn: () => undefined }

interface Coordinator {
  readonly calls: GroupCalls
  readonly said: string[]
  verdict: GroupVerdict | null
  generation: number
  commitVerdict: GroupVerdict | null
}
const createCoordinator = (): Coordinator => {
  const state: Coordinator = {
    said: [],
    verdict: null,
    commitVerdict: null,
    generation: 0,
    calls: {
      join: async (memberId) => {
        state.generation += 1
        state.verdict = null
        state.said.push(`join ${memberId}`)
        return {
          memberId: memberId || `m${state.generation}`,
          generation: state.generation,
          members: [{ memberId: memberId || `m${state.generation}`, name: 'a' }],
        }
      },
      sync: async ({ memberId }, plan) => plan.get(memberId) ?? [],
      heartbeat: async () => {
        if (state.verdict !== null) throw new GroupError(state.verdict, 'told so')
      },
      leave: async () => {
        state.said.push('leave')
      },
      close: async () => {
        state.said.push('close')
      },
      commit: async ({ generation }, partition, offset) => {
        if (state.commitVerdict !== null) throw new GroupError(state.commitVerdict, 'told so')
        state.said.push(`commit ${generation}: ${partition} at ${offset}`)
      },
    },
  }
  return state
}
const start = (coordinator: Coordinator, work: GroupWork, partitions = 1) =>
  runMembership({ partitions, times: TIMES }, { calls: coordinator.calls, work, logger })
const lost = (given: { readonly lost: AbortSignal }): Promise<void> =>
  new Promise((resolve) => {
    given.lost.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })

it('at a rebalance what is in hand is committed under its generation before the next is joined', async () => {
  const coordinator = createCoordinator()
  const membership = start(coordinator, async (given) => {
    await lost(given)
    await sleep(40)
    await given.commit(5, '')
  })
  await until('it has joined', 2000, () => coordinator.generation === 1, 2)
  coordinator.verdict = 'rejoin'
  await until('it has joined again', 2000, () => coordinator.generation === 2, 2)
  await membership.leave()
  expect(coordinator.said).toEqual(['join ', 'commit 1: 0 at 5', 'join m1', 'commit 2: 0 at 5', 'leave', 'close'])
})

it('what is not finished in time is fenced here, before the group is joined again', async () => {
  const coordinator = createCoordinator()
  const ends: unknown[] = []
  const membership = start(coordinator, async (given) => {
    await lost(given)
    await sleep(500)
    await given.commit(9, '').catch((error: { code: string }) => {
      ends.push(error.code)
    })
  })
  await until('it has joined', 2000, () => coordinator.generation === 1, 2)
  coordinator.verdict = 'rejoin'
  await until('it has joined again', 2000, () => coordinator.generation === 2, 2)
  expect(coordinator.said.some((line) => line.startsWith('commit'))).toBe(false)
  await until('the late commit was refused', 2000, () => ends.length > 0, 5)
  expect(ends[0]).toBe('FENCED')
  await membership.leave()
})

it('a member that the group has forgotten, or whose commit is refused, loses everything at once and joins as a new one', async () => {
  for (const how of ['heartbeat', 'commit'] as const) {
    const coordinator = createCoordinator()
    const codes: string[] = []
    const membership = start(coordinator, async (given) => {
      if (how === 'commit' && coordinator.generation === 1) coordinator.commitVerdict = 'unknown member'
      if (how === 'heartbeat') await lost(given)
      await given.commit(1, '').catch((error: { code: string }) => {
        codes.push(error.code)
      })
      coordinator.commitVerdict = null
      await lost(given)
    })
    await until('it has joined', 2000, () => coordinator.generation >= 1, 2)
    if (how === 'heartbeat') coordinator.verdict = 'unknown member'
    await until('it has joined again', 2000, () => coordinator.generation >= 2, 2)
    await membership.leave()
    expect([how, codes[0]]).toEqual([how, 'FENCED'])
  }
})

it('a commit that fails for another reason may be tried again', async () => {
  const coordinator = createCoordinator()
  const tries: string[] = []
  const { commit } = coordinator.calls
  let fails = true
  const calls: GroupCalls = {
    ...coordinator.calls,
    commit: async (...args) => {
      if (fails) throw new Error('no connection')
      await commit(...args)
    },
  }
  const membership = runMembership(
    { partitions: 1, times: TIMES },
    {
      calls,
      logger,
      work: async (given) => {
        await given.commit(1, '').catch((error: Error) => {
          tries.push(error.message)
        })
        fails = false
        await given.commit(1, '')
        await lost(given)
      },
    },
  )
  await until('it is committed', 2000, () => coordinator.said.includes('commit 1: 0 at 1'), 2)
  expect(tries).toEqual(['no connection'])
  await membership.leave()
})

it("partitions are dealt out in turn by the members' names, all of them and none twice", () => {
  const members = [
    { memberId: 'x', name: 'b' },
    { memberId: 'y', name: 'a' },
    { memberId: 'z', name: 'c' },
  ]
  expect([...planOf(members, 8)]).toEqual([
    ['y', [0, 3, 6]],
    ['x', [1, 4, 7]],
    ['z', [2, 5]],
  ])
  expect([...planOf(members, 1)].flatMap(([, partitions]) => partitions)).toEqual([0])
})

it('a member finishes with heartbeats meanwhile: the group does not lose patience', async () => {
  const coordinator = createCoordinator()
  let heartbeats = 0
  const { heartbeat } = coordinator.calls
  const calls: GroupCalls = {
    ...coordinator.calls,
    heartbeat: async (joined) => {
      heartbeats += 1
      await heartbeat(joined)
    },
  }
  const membership = runMembership(
    { partitions: 1, times: TIMES },
    {
      calls,
      logger,
      work: async (given) => {
        await lost(given)
        await sleep(60)
      },
    },
  )
  await until('it has joined', 2000, () => coordinator.generation === 1, 2)
  coordinator.verdict = 'rejoin'
  await until('it was told', 2000, () => heartbeats > 0, 2)
  const before = heartbeats
  await until('it has joined again', 2000, () => coordinator.generation === 2, 2)
  expect(heartbeats - before).toBeGreaterThan(2)
  await membership.leave()
})

it('a heartbeat that fails takes nothing away: only the group does', async () => {
  const coordinator = createCoordinator()
  let failures = 0
  const signals: AbortSignal[] = []
  const calls: GroupCalls = {
    ...coordinator.calls,
    heartbeat: async () => {
      failures += 1
      throw new Error('no connection')
    },
  }
  const membership = runMembership(
    { partitions: 1, times: TIMES },
    {
      calls,
      logger,
      work: async (given) => {
        signals.push(given.lost)
        await lost(given)
      },
    },
  )
  await until('heartbeats fail', 2000, () => failures > 5, 2)
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  await membership.leave()
})

it('who never came to be a member gives up its connections too', async () => {
  const coordinator = createCoordinator()
  const membership = runMembership(
    { partitions: 1, times: TIMES },
    { calls: { ...coordinator.calls, join: () => Promise.reject(new Error('nobody there')) }, work: lost, logger },
  )
  await sleep(20)
  await membership.leave()
  expect(coordinator.said).toEqual(['close'])
})
