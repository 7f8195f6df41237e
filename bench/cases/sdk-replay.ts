import { createBacktestEngine } from '@tapescope/engine'
import type { BenchCase } from '../case.ts'
import { config, nobody, replays } from '../pipeline-ways.ts'
import { replayedBacktest } from '../replayed-backtest.ts'
import { unseenBars } from '../unseen-bars.ts'

/**
 * What observing a run of a million bars costs, in its two parts. A change of a fraction of a percent drowns in the noise
 * of two runs; what the SDK does is therefore measured by itself, and what being watched costs the engine on 125 times as
 * many timed bars as there would be.
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

const often = 8

const watched: BenchCase = {
  name: 'sdk-replay/watched',
  unit: 'bar',
  about: `a backtest whose observer asks for 1 bar in ${often} and does nothing`,
  budgets: [
    {
      kind: 'ratio',
      rival: 'bare',
      max: 1 + 1000 / often / 400,
      reason: '1 µs for each timed bar of 400 ns. A run of a million bars has a thousand of them: 0.25 %.',
    },
  ],
  gate: false,
  quick: false,
  setup({ seed }) {
    const units = 200_000
    const next = unseenBars(units, seed)
    let bars = next()
    let rivalBars = bars
    const engine = createBacktestEngine()
    const run = { observer: nobody(often) }
    return {
      units,
      prepare: () => void (bars = next()),
      run: () => engine.run(bars, config, run),
      rivals: [
        {
          name: 'bare',
          units,
          prepare: () => void (rivalBars = next()),
          run: () => engine.run(rivalBars, config),
        },
      ],
      verify() {
        const [ours, alone] = [engine.run(bars, config, run), engine.run(bars, config)]
        if (ours.trades.length !== alone.trades.length) throw new Error('watched it trades otherwise')
      },
    }
  },
}

export default [
  watched,
  replayCase('default', 0.01, 'default telemetry'),
  replayCase('full', 0.02, 'worst 32 bars as spans, 128 facts, exemplars and a log line at start and end'),
]
