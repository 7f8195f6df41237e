import { createBacktestEngine } from '@tapescope/engine'
import type { BenchCase } from '../case.ts'
import { config, replays } from '../pipeline-ways.ts'
import { replayedBacktest } from '../replayed-backtest.ts'
import { unseenBars } from '../unseen-bars.ts'

/**
 * What observing a run of a million bars does, by itself, against the run. A change of a fraction of a percent drowns in
 * the noise of two runs; by itself it is measured to some percent of its own.
 */
const million = 1_000_000

function replayCase(way: keyof typeof replays, max: number, about: string): BenchCase {
  return {
    name: `sdk-replay/${way}`,
    unit: 'bar',
    about: `${about}: the calls of a recorded backtest of a million bars, spans and logs sent`,
    budgets: [
      {
        kind: 'ratio',
        rival: 'backtest',
        max,
        reason: 'What observing may add to the run, by the wall clock, waiting for the backend included.',
      },
    ],
    gate: false,
    quick: false,
    async setup({ seed }) {
      const next = unseenBars(million, seed)
      const recorded = next()
      const engine = replayedBacktest(recorded, config)
      const observation = await replays[way](engine)
      const bare = createBacktestEngine()
      let bars = recorded
      return {
        units: million,
        run: () => observation.pass(recorded),
        rivals: [
          {
            name: 'backtest',
            units: million,
            prepare: () => void (bars = next()),
            run: () => bare.run(bars, config),
          },
        ],
        async verify() {
          const [replayed, real] = [
            await observation.pass(recorded),
            bare.run(recorded, config).trades.length,
          ]
          if (replayed !== real) throw new Error(`replayed it found ${String(replayed)}, alone ${real}`)
        },
        close: () => observation.close?.(),
      }
    },
  }
}

export default [
  replayCase('default', 0.01, 'default telemetry'),
  replayCase('full', 0.02, 'worst 32 bars as spans, 128 facts, exemplars and a log line at start and end'),
]
