import { readdirSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { createBacktestEngine } from '@tapescope/engine'
import { instrumentBacktestEngine, withSpan } from '@tapescope/sdk'
import { startProfiler, type ProfileOptions, type Profiler } from '../../sdk/profile.ts'
import type { BenchCase } from '../case.ts'
import { median, medianInterval } from '../statistics.ts'
import { unseenBars } from '../unseen-bars.ts'

// What it costs to be sampled. Counted is the CPU time of the whole process: the program's thread with V8's signal
// handler, V8's sampling thread, the worker that joins and keeps the samples, garbage collection of all. In one process,
// so that all run the same compiled code, the profiler is on, off, and V8's own profiler alone is on, in the order
// on, off, alone, alone, off, on, so that what drifts cancels out. What starting takes is told apart: it is paid once.
// V8 alone is the floor: nothing that asks V8 for samples can cost less.

/** One half. It is too short for a segment, whose end is timed by itself and counts with its share of the half. */
const halfMs = 500
const segmentMs = 2000

interface Program {
  readonly about: string
  readonly options?: ProfileOptions
  readonly budget: { readonly max: number; readonly reason: string }
  /** Makes what one step does. */
  readonly start: (seed: number) => () => void | Promise<void>
}

const threePercent = { max: 1.03, reason: 'Always on, the profiler may take 3 % of the CPU.' }

/** 20 requests of about a millisecond, each of three spans that go on after an await, four in flight. */
function requests(): () => Promise<void> {
  const compute = (): number => {
    let sum = 0
    for (let i = 0; i < 120_000; i += 1) sum += Math.sqrt(sum + i)
    return sum
  }
  const request = async (): Promise<void> =>
    withSpan('request', async () => {
      await withSpan('query', async () => {
        compute()
        await nextTurn()
        compute()
      })
      withSpan('render', compute)
    })
  return async () => {
    for (let i = 0; i < 5; i += 1) await Promise.all([request(), request(), request(), request()])
  }
}

function deep(frames: number, rounds: number): number {
  if (frames > 0) return deep(frames - 1, rounds) + 1
  let sum = 0
  for (let i = 0; i < rounds; i += 1) sum += Math.sqrt(sum + i)
  return sum
}

/** Allocates next to nothing, so that garbage collection does not drown what sampling adds. */
const compute = (): (() => void) => () => {
  for (let i = 0; i < 20; i += 1) withSpan('compute', () => deep(20, 100_000))
}

const programs: Record<string, Program> = {
  ...Object.fromEntries(
    [1000, 500, 250, 100].map((hz) => [
      `compute-${hz}hz`,
      {
        about: `20 spans of arithmetic, 20 frames deep, sampled at ${hz} Hz`,
        options: { intervalUs: 1e6 / hz },
        budget: threePercent,
        start: compute,
      },
    ]),
  ),
  backtest: {
    about: 'a Wyckoff backtest over 20,000 unseen bars, observed, in one synchronous span',
    budget: threePercent,
    start(seed) {
      const next = unseenBars(20_000, seed)
      const engine = instrumentBacktestEngine(createBacktestEngine())
      return () => void engine.run(next(), { strategy: 'wyckoff_all', haltCleared: true })
    },
  },
  requests: {
    about: '20 requests of three spans and about a millisecond each, four in flight',
    budget: threePercent,
    start: requests,
  },
  'requests-hook': {
    about: 'the same, asynchronous spans followed by async_hooks',
    options: { async: true },
    budget: {
      max: 2,
      reason: 'The hook is a choice, and every promise of a program pays for it: this only tells how much.',
    },
    start: requests,
  },
}

type Mode = 'off' | 'alone' | 'on'

function profilerCase(name: string, { about, options, budget, start }: Program): BenchCase {
  return {
    name: `profiler/${name}`,
    unit: 'step',
    about,
    budgets: [
      { kind: 'ratio', rival: 'not sampled', ...budget },
      {
        kind: 'ratio',
        rival: 'V8 alone',
        max: options?.async ? 2 : 1.01,
        reason: 'What is ours may take 1 %.',
      },
    ],
    gate: false,
    quick: false,
    async setup({ seed }) {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
      const provider = new TracerProvider({
        spanProcessors: [
          new BatchSpanProcessor({
            exporter: { export: (_, done) => done({ code: 0 }), shutdown: () => Promise.resolve() },
            maxQueueSize: 100_000,
          }),
        ],
      })
      trace.setGlobalTracerProvider(provider)
      const step = start(seed)
      // Warm, and how many steps fill a half.
      let began = performance.now()
      while (performance.now() - began < 2000) await step()
      began = performance.now()
      for (let i = 0; i < 10; i += 1) await step()
      const steps = Math.ceil((10 * halfMs) / (performance.now() - began))

      const intervalUs = options?.intervalUs ?? 1000
      const starts: number[] = []
      const segments: number[] = []
      const samples: number[] = []
      const rounds: Record<Mode, number[]> = { off: [], alone: [], on: [] }
      const threads: Record<Mode, Record<string, number>> = { off: {}, alone: {}, on: {} }

      /** CPU time of `steps` steps, ns. */
      async function half(mode: Mode): Promise<number> {
        let profiler: Profiler | undefined
        let v8: Session | undefined
        const idle = process.cpuUsage()
        if (mode === 'on') {
          profiler = await startProfiler({ ...options, ringSeconds: 60 })
          const { user, system } = process.cpuUsage(idle)
          starts.push((user + system) / 1000)
        } else if (mode === 'alone') v8 = startV8(intervalUs)
        // Starting walks the heap: what that leaves in the caches is part of the start, not of what goes on.
        for (let i = 0; i < steps / 4; i += 1) await step()
        await profiler?.flush()
        const cpu = threadCpu()
        const before = process.cpuUsage()
        for (let i = 0; i < steps; i += 1) await step()
        const { user, system } = process.cpuUsage(before)
        for (const [thread, us] of Object.entries(threadCpu(cpu)))
          threads[mode][thread] = (threads[mode][thread] ?? 0) + us
        const ending = process.cpuUsage()
        await profiler?.flush()
        const ended = process.cpuUsage(ending)
        const segment = profiler ? ((ended.user + ended.system) * halfMs) / segmentMs : 0
        if (profiler) segments.push((ended.user + ended.system) / 1000)
        v8?.disconnect()
        const result = await profiler?.stop()
        if (result) samples.push(result.document.samples.stack.length)
        return (user + system + segment) * 1000
      }

      return {
        units: steps,
        timesItself: true,
        async run() {
          const on = await half('on')
          const off = await half('off')
          const alone = ((await half('alone')) + (await half('alone'))) / 2
          rounds.off.push((off + (await half('off'))) / 2)
          rounds.alone.push(alone)
          rounds.on.push((on + (await half('on'))) / 2)
          return rounds.on.at(-1)
        },
        // Measured between the halves of the subject.
        rivals: [
          { name: 'not sampled', units: steps, timesItself: true, run: () => rounds.off.at(-1) },
          { name: 'V8 alone', units: steps, timesItself: true, run: () => rounds.alone.at(-1) },
        ],
        verify() {
          // What was before it warmed up.
          for (const mode of ['off', 'alone', 'on'] as const) {
            rounds[mode].length = 0
            threads[mode] = {}
          }
          const least = (0.3 * halfMs * 1000) / intervalUs
          if (median(samples) < least) throw new Error(`only ${median(samples)} samples in ${halfMs} ms`)
        },
        notes() {
          const against = (mode: Mode, base: Mode): string =>
            spreadOf(rounds[mode].map((ns, i) => ns / rounds[base][i]))
          const all = Object.values(threads.off).reduce((sum, us) => sum + us, 0)
          const split = (mode: Mode): string =>
            Object.keys(threads[mode])
              .map((thread) => {
                const us = threads[mode][thread] - (threads.off[thread] ?? 0)
                return `${thread} ${percent(1 + us / all)}`
              })
              .join(', ')
          return [
            `${rounds.on.length} rounds, CPU time of the process: ${against('on', 'off')}`,
            `V8's profiler alone: ${against('alone', 'off')}; ours against it: ${against('on', 'alone')}`,
            ...(all > 0
              ? [`by thread: V8 alone ${split('alone')}`, `by thread: sampled ${split('on')}`]
              : []),
            `${median(samples)} samples in a half of ${halfMs} ms and the quarter before it, ${samples.length} halves`,
            `the end of a segment takes ${median(segments).toFixed(1)} ms of CPU, one in ${segmentMs / 1000} s counts`,
            `starting the profiler takes ${median(starts).toFixed(0)} ms of CPU, once`,
          ]
        },
        close: () => provider.shutdown(),
      }
    },
  }
}

/** V8's profiler with nothing of ours. Ends when the session is disconnected. */
function startV8(intervalUs: number): Session {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: intervalUs })
  session.post('Profiler.start')
  return session
}

/** By kind of thread, microseconds of CPU time since `since`. Empty where the kernel does not tell. */
function threadCpu(since: Record<string, number> = {}): Record<string, number> {
  const found: Record<string, number> = {}
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      const folder = `/proc/self/task/${thread}`
      const command = readFileSync(`${folder}/comm`, 'utf8')
      const kind = command.startsWith('v8:ProfEvnt')
        ? "V8's sampling"
        : command.startsWith('tapescope-prof')
          ? 'our worker'
          : thread === String(process.pid)
            ? "the program's"
            : "Node's others"
      const us = Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1000
      found[kind] = (found[kind] ?? 0) + us
    }
  } catch {
    return {}
  }
  return Object.fromEntries(Object.entries(found).map(([kind, us]) => [kind, us - (since[kind] ?? 0)]))
}

const percent = (ratio: number): string => `${ratio < 1 ? '' : '+'}${((ratio - 1) * 100).toFixed(1)} %`

/** Fewer than six say nothing of an interval: then each is shown. */
function spreadOf(ratios: readonly number[]): string {
  const { estimate, lower, upper, coverage } = medianInterval(ratios, 0.95)
  return coverage < 1
    ? `median ${percent(estimate)}, 95 % interval ${percent(lower)} to ${percent(upper)}`
    : ratios.map(percent).join(', ')
}

export default Object.entries(programs).map(([name, program]) => profilerCase(name, program))
