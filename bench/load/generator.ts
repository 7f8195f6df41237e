// The load generator, a process of its own, so that nothing else that the tool does delays a call: forked by
// run-generator.ts, told what to do by message. It ends with its parent.
import { getPriority, setPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallClient, openCallClient } from './call-client.ts'
import { CallRecord } from './call-record.ts'
import { generateLoad, type LoadClock, startClock } from './generate-load.ts'
import type { FromGenerator, GeneratorHealth, ToGenerator } from './generator-messages.ts'
import type { LoadPlan } from './scenarios.ts'
import { SlowCalls } from './slow-calls.ts'
import type { Call } from './traffic-model.ts'

/** Connections for arrivals: far more than a service that keeps up needs, fewer than the files a process may open. */
const arrivalConnections = 500
/** What is under way when somebody stops the run has so long. */
const stopMs = 2_000
/** `monitorEventLoopDelay` counts the time between two of its own timers, so this much is no delay. */
const loopResolutionMs = 10

process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group; the parent says when to stop.
process.on('SIGINT', () => undefined)

const stop = new AbortController()
const priorityRaised = raisePriority()
process.on('message', (message: ToGenerator) => {
  if (message.kind === 'stop') stop.abort()
  else void run(message.plan)
})
tell({ kind: 'ready' })

async function run(plan: LoadPlan): Promise<void> {
  const client = openCallClient({
    url: plan.url,
    key: plan.key,
    connections: plan.load.kind === 'users' ? plan.load.users : arrivalConnections,
    timeoutMs: plan.timeoutMs,
  })
  const record = new CallRecord()
  const slow = new SlowCalls(plan.slowest)
  const health = watchHealth()
  const clock = startClock(stop.signal)
  let users = 0
  /** In the window that is open: at the end of a run all have gone. */
  let mostUsers = 0
  let windowBeganMs = 0
  const report = (): void => {
    const now = clock.now()
    const window = record.takeWindow(round(now / 1e3), round((now - windowBeganMs) / 1e3), mostUsers)
    windowBeganMs = now
    mostUsers = users
    tell({ kind: 'window', window, figures: record.figures(), health: health(), slowest: slow.list() })
  }
  const timer = setInterval(report, plan.windowSeconds * 1_000)
  const finished = generateLoad({
    plan,
    clock,
    fire: firing(plan, client, record, slow, clock),
    stopped: () => stop.signal.aborted,
    onUser(running) {
      users = running
      mostUsers = Math.max(mostUsers, running)
    },
  })
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => void sleep(stopMs).then(resolve), { once: true })
  })
  await Promise.race([finished, stopped])
  clearInterval(timer)
  const seconds = clock.now() / 1e3
  report()
  tell({ kind: 'done', seconds })
  await client.close()
  process.disconnect()
}

function firing(
  plan: LoadPlan,
  client: CallClient,
  record: CallRecord,
  slow: SlowCalls,
  clock: LoadClock,
): (call: Call, dueMs: number) => Promise<number> {
  const offsetMs = performance.now() - clock.now()
  let accepted = 0
  return async (call, dueMs) => {
    record.send(clock.now() - dueMs)
    const answer = await client.send(call)
    const answeredMs = answer.answeredMs - offsetMs
    const { ok, reason, status, body } = answer
    record.answer({
      call: call.name,
      ok,
      reason,
      dueMs,
      sentMs: answer.sentMs - offsetMs,
      answeredMs,
      detail: () => `${call.method} ${call.path}: ${body.toString().slice(0, 300)}`,
    })
    slow.offer(call, dueMs, answeredMs - dueMs, answer)
    if (status === 202 && accepted++ % plan.followOneIn === 0) {
      const runId = /"backtest_run_id":"([^"]+)"/.exec(body.toString())?.[1]
      if (runId !== undefined) tell({ kind: 'accepted', runId })
    }
    return answeredMs
  }
}

function watchHealth(): () => GeneratorHealth {
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  loop.enable()
  const began = process.cpuUsage()
  const beganMs = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(began)
    const delayMs = (ns: number) => round(Math.max(0, ns / 1e6 - loopResolutionMs))
    return {
      cpuShare: round((user + system) / 1e3 / (performance.now() - beganMs)),
      loopP99: loop.count === 0 ? 0 : delayMs(loop.percentile(99)),
      loopMax: loop.count === 0 ? 0 : delayMs(loop.max),
      priorityRaised,
    }
  }
}

/** What measures goes before what is measured, where it may: on one machine they compete for the same cores. */
function raisePriority(): boolean {
  try {
    setPriority(Math.max(-20, getPriority() - 10))
    return true
  } catch {
    return false
  }
}

function round(value: number): number {
  return Math.round(value * 1e3) / 1e3
}

function tell(message: FromGenerator): void {
  // Nobody listens any more once the parent has gone.
  if (process.connected) process.send!(message)
}
