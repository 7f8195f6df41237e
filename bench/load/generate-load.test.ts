import { expect, test } from 'vitest'
import { CallRecord } from './call-record.ts'
import { generateLoad, type LoadClock } from './generate-load.ts'
import type { LoadPlan } from './scenarios.ts'

/** A time that jumps to whatever happens next: minutes pass in milliseconds, and always in the same way. */
class VirtualClock implements LoadClock {
  private time = 0
  private readonly sleepers: { atMs: number; wake: () => void }[] = []
  now(): number {
    return this.time
  }
  until(atMs: number): Promise<void> {
    if (atMs <= this.time) return Promise.resolve()
    return new Promise((wake) => this.sleepers.push({ atMs, wake }))
  }
  /** Until `work` is done. */
  async run(work: Promise<void>): Promise<void> {
    let over = false
    void work.then(() => (over = true))
    for (;;) {
      // Whatever follows from the last event is done before the next one.
      await new Promise((resolve) => setImmediate(resolve))
      if (over) return
      this.sleepers.sort((a, b) => a.atMs - b.atMs)
      const next = this.sleepers.shift()
      if (next === undefined) throw new Error('everybody waits for nothing')
      this.time = Math.max(this.time, next.atMs)
      next.wake()
    }
  }
}

interface Made {
  dueMs: number
  sentMs: number
  answeredMs: number
}

/** Runs a plan against a service that needs what `serviceMs` says for a call that is sent at a time. */
async function simulate(
  plan: Pick<LoadPlan, 'userClass' | 'seconds' | 'load' | 'seed'>,
  serviceMs: (sentMs: number) => number,
): Promise<Made[]> {
  const clock = new VirtualClock()
  const made: Made[] = []
  const fire = async (_: unknown, dueMs: number): Promise<number> => {
    const sentMs = clock.now()
    const answeredMs = sentMs + serviceMs(sentMs)
    await clock.until(answeredMs)
    made.push({ dueMs, sentMs, answeredMs })
    return answeredMs
  }
  await clock.run(generateLoad({ plan, clock, fire, stopped: () => false }))
  return made
}

function p99(made: readonly Made[], from: 'dueMs' | 'sentMs'): number {
  const record = new CallRecord()
  for (const one of made) record.answer({ call: 'detect', ok: true, reason: '200', ...one, dueMs: one[from] })
  return record.figures().p99
}

/** Serves in 5 ms, and stands still for the first second of every five: whoever comes waits for its end. */
const freezing = (sentMs: number) => (sentMs % 5_000 < 1_000 ? 1_000 - (sentMs % 5_000) : 0) + 5

test('users begin one after the other, wait between their calls, and end with the run', async () => {
  const plan = {
    userClass: 'trading',
    seconds: 60,
    load: { kind: 'users', users: 20, spawnPerSecond: 2 },
    seed: 1,
  } as const
  const made = await simulate(plan, () => 10)
  const early = made.filter(({ dueMs }) => dueMs < 1_000).length
  // Two have begun in the first second, and wait for at least one more.
  expect(early).toBe(2)
  // 20 users, a call in 2.01 s each; the ramp takes the first ten seconds.
  expect(made.length / ((60 - 5) * (20 / 2.01))).toBeGreaterThan(0.95)
  expect(made.length / ((60 - 5) * (20 / 2.01))).toBeLessThan(1.05)
  for (const { dueMs, sentMs } of made) {
    expect(sentMs).toBe(dueMs)
    expect(dueMs).toBeLessThan(60_000)
  }
})

test('arrivals come at their rate, unevenly, whether or not others are answered', async () => {
  const plan = {
    userClass: 'trading',
    seconds: 100,
    load: { kind: 'arrivals', perSecond: 40 },
    seed: 2,
  } as const
  const made = await simulate(plan, () => 3_000)
  expect(Math.abs(made.length - 4_000)).toBeLessThan(6 * Math.sqrt(4_000))
  const due = made.map(({ dueMs }) => dueMs).sort((a, b) => a - b)
  const gaps = due.slice(1).map((at, i) => at - due[i])
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
  // As in a Poisson process the deviation of the gaps is their mean.
  expect(deviation / mean).toBeGreaterThan(0.9)
  expect(deviation / mean).toBeLessThan(1.1)
})

test('a service that freezes is seen by arrivals; one user who waits for it hides it', async () => {
  const arrivals = await simulate(
    { userClass: 'trading', seconds: 120, load: { kind: 'arrivals', perSecond: 50 }, seed: 3 },
    freezing,
  )
  expect(p99(arrivals, 'dueMs')).toBeGreaterThan(900)
  // 50 calls per second into the freeze, a fifth of all: the median knows nothing of it, the 90th percentile does.
  const frozen = arrivals.filter(({ dueMs, answeredMs }) => answeredMs - dueMs > 100).length / arrivals.length
  expect(frozen).toBeGreaterThan(0.15)
  expect(frozen).toBeLessThan(0.21)
})

test('what holds a call back before it is sent counts as latency', async () => {
  // One connection: calls queue before they are sent, and each takes its turn.
  const clock = new VirtualClock()
  const made: Made[] = []
  let free: Promise<unknown> = Promise.resolve()
  const fire = (_: unknown, dueMs: number): Promise<number> => {
    const before = free
    const answered = (async () => {
      await before
      const sentMs = clock.now()
      await clock.until(sentMs + freezing(sentMs))
      made.push({ dueMs, sentMs, answeredMs: clock.now() })
      return clock.now()
    })()
    free = answered
    return answered
  }
  const plan = {
    userClass: 'trading',
    seconds: 120,
    load: { kind: 'arrivals', perSecond: 50 },
    seed: 4,
  } as const
  await clock.run(generateLoad({ plan, clock, fire, stopped: () => false }))
  // From the sending, as a generator in a closed loop measures it, the same calls look as if nothing had been wrong.
  expect(p99(made, 'sentMs')).toBeLessThan(20)
  expect(p99(made, 'dueMs')).toBeGreaterThan(900)
})

test('a run that is stopped makes no more calls', async () => {
  const clock = new VirtualClock()
  let calls = 0
  const fire = async (): Promise<number> => {
    calls++
    await clock.until(clock.now() + 10)
    return clock.now()
  }
  const load = { kind: 'users', users: 5, spawnPerSecond: 5 } as const
  const plan = { userClass: 'trading', seconds: 1_000, load, seed: 5 } as const
  await clock.run(generateLoad({ plan, clock, fire, stopped: () => calls >= 50 }))
  expect(calls).toBeLessThan(56)
})
