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

// What it costs to be sampled at 1 kHz. Counted is the CPU time of the whole process: the program's thread with V8's
// signal handler, V8's sampling thread, the worker that joins and keeps the samples, garbage collection of all. The
// profiler goes on and off within one process, so that both halves run the same compiled code, in the order
// on, off, off, on, so that what drifts cancels out. What starting takes is told apart: it is paid once.

/** One half. Of two one counts the end of a segment, of which there is one in two seconds. */
const halfMs = 1000

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

const programs: Record<string, Program> = {
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

function profilerCase(name: string, { about, options, budget, start }: Program): BenchCase {
  return {
    name: `profiler/${name}`,
    unit: 'step',
    about,
    budgets: [{ kind: 'ratio', rival: 'not sampled', ...budget }],
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

      const starts: number[] = []
      const samples: number[] = []
      const ratios: number[] = []
      let off = NaN
      async function half(sampled: boolean, endsSegment = false): Promise<number> {
        let profiler: Profiler | undefined
        const idle = process.cpuUsage()
        if (sampled) {
          profiler = await startProfiler({ ...options, ringSeconds: 60 })
          const { user, system } = process.cpuUsage(idle)
          starts.push((user + system) / 1000)
        }
        // Starting walks the heap: what that leaves in the caches is part of the start, not of what goes on.
        for (let i = 0; i < steps / 4; i += 1) await step()
        const before = process.cpuUsage()
        for (let i = 0; i < steps; i += 1) await step()
        if (endsSegment) await profiler?.flush()
        const { user, system } = process.cpuUsage(before)
        const result = await profiler?.stop()
        if (result) samples.push(result.document.samples.stack.length)
        return (user + system) * 1000
      }

      return {
        units: steps,
        timesItself: true,
        async run() {
          const first = await half(true, true)
          off = ((await half(false)) + (await half(false))) / 2
          const on = (first + (await half(true))) / 2
          ratios.push(on / off)
          return on
        },
        // Measured between the halves of the subject.
        rivals: [{ name: 'not sampled', units: steps, timesItself: true, run: () => off }],
        verify() {
          // What was before it warmed up.
          ratios.length = 0
          if (median(samples) < 300) throw new Error(`only ${median(samples)} samples in ${halfMs} ms`)
        },
        notes: () => [
          `${ratios.length} quads: ${spreadOf(ratios)}`,
          `CPU time of the process; ${median(samples)} samples in a half of ${halfMs} ms, ${samples.length} halves`,
          `starting the profiler takes ${median(starts).toFixed(0)} ms of CPU, once`,
        ],
        close: () => provider.shutdown(),
      }
    },
  }
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
