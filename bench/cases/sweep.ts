import { createBacktestEngine, planSweep, type BarSeries } from '@tapescope/engine'
import { randomWalkBars } from '@tapescope/engine'
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { availableParallelism } from 'node:os'
import { createControl } from '../../service/jobs/run-control.ts'
import { renderResult } from '../../service/jobs/render-result.ts'
import { shareBars } from '../../service/share-bars.ts'
import { createThreadPool } from '../../service/jobs/thread-pool.ts'
import type { BenchCase } from '../case.ts'

const runs = planSweep({ positionFrac: Array.from({ length: 64 }, (_, i) => (i + 1) / 100) })
const engine = createBacktestEngine()
const configOf = ({ parameters }: (typeof runs)[number]) => ({
  strategy: 'wyckoff_all' as const,
  positionFrac: parameters['positionFrac'] as number,
})

/** One after another in this thread: what the threads are held against, in time and in result. */
function alone(bars: BarSeries): string[] {
  return runs.map((run) => renderResult(engine.run(bars, configOf(run)), true).metrics)
}

const threads: BenchCase = {
  name: 'sweep/threads',
  unit: 'run',
  about:
    'A sweep of 64 backtests of wyckoff_all over 20,000 bars in one thread per core, the bars in shared memory.',
  budgets: [
    {
      kind: 'ratio',
      rival: 'one thread',
      max: 1,
      reason: 'threads that cost more than they bring would be no reason to have them',
    },
  ],
  gate: false,
  quick: false,
  async setup({ seed }) {
    const bars = shareBars(randomWalkBars({ seed, length: 20_000 }))
    const cores = availableParallelism()
    const pool = createThreadPool(null)
    await Promise.all(Array.from({ length: cores }, () => pool.warm()))
    const idle: number[] = []

    async function inThreads(): Promise<string[]> {
      const metrics: string[] = []
      const began = performance.now()
      let busyMs = 0
      let next = 0
      const place = async () => {
        while (next < runs.length) {
          const run = runs[next++]
          const result = await pool.run({
            bars,
            config: configOf(run),
            metricsOnly: true,
            context: {},
            control: createControl(),
            signal: new AbortController().signal,
          })
          metrics[run.index] = result.metrics
          busyMs += result.seconds * 1e3
        }
      }
      await Promise.all(Array.from({ length: cores }, place))
      idle.push(1 - busyMs / ((performance.now() - began) * cores))
      return metrics
    }

    return {
      units: runs.length,
      run: inThreads,
      rivals: [{ name: 'one thread', units: runs.length, run: () => alone(bars) }],
      async verify() {
        if (!isDeepStrictEqual(await inThreads(), alone(bars)))
          throw new Error('the runs in threads have other results than those in one thread')
      },
      notes() {
        const sorted = idle.toSorted((a, b) => a - b)
        const share = (100 * sorted[sorted.length >> 1]).toFixed(1)
        return [`${cores} threads, ${share} % of their time idle (median of ${idle.length} sweeps)`]
      },
      async close() {
        await pool.close()
      },
    }
  },
}

export default [threads]
