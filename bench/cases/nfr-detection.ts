import {
  type BarSeries,
  barAt,
  createSignalEngine,
  type PatternType,
  type SignalSession,
} from '@tapescope/engine'
import type { BenchCase, Work } from '../case.ts'
import { config } from '../config.ts'
import { PatternCount, type Stop, walkPatternBars } from '../nfr/pattern-bars.ts'
import { type SignalStage, StageClock } from '../nfr/stage-clock.ts'
import { type Detector, timedEngine } from '../nfr/timed-detectors.ts'

// Rows "volume analysis", "Spring / SOS+LPS / UTAD detection" and "validation and signal building" of the specification's
// table: each measures single bars, on which what it looks for was found, in a session that bars are pushed to.

const history = config.dataSizes[1]
const length = history * 2

/** Pushes the bars before each stop untimed, and the bar of the stop as the iteration. */
class Walk {
  private readonly stops: Generator<Stop, never>
  private readonly open: (bars: BarSeries) => SignalSession
  private session: SignalSession | undefined
  private bars: BarSeries | undefined
  private at = 0
  stop!: Stop

  constructor(stops: Generator<Stop, never>, open: (bars: BarSeries) => SignalSession) {
    this.stops = stops
    this.open = open
  }

  toNext(): void {
    this.stop = this.stops.next().value
    if (this.stop.bars !== this.bars) {
      this.session?.close()
      this.bars = this.stop.bars
      this.session = this.open(this.bars)
      this.at = 0
    }
    while (this.at < this.stop.bar) this.push()
  }

  push() {
    return this.session!.push(barAt(this.bars!, this.at++))
  }
}

interface Row {
  readonly name: string
  readonly about: string
  readonly maxMs: number
  readonly types: readonly PatternType[]
  readonly stage?: SignalStage
  readonly detector?: Detector
  /** Fails when not one signal was built. */
  readonly signals?: boolean
}

const all: readonly PatternType[] = ['SPRING', 'SOS', 'LPS', 'UTAD']
const { ceilingsMs } = config
const rows: readonly Row[] = [
  {
    name: 'volume',
    about: 'volume analysis of one bar on which a pattern was confirmed',
    maxMs: ceilingsMs.volumeAnalysis,
    types: all,
    stage: 'volume',
  },
  {
    name: 'spring',
    about: 'the detector of Springs and Tests on one bar that confirmed a Spring',
    maxMs: ceilingsMs.springDetection,
    types: ['SPRING'],
    detector: 'spring',
  },
  {
    name: 'sos-lps',
    about: 'the detector of SOS and LPS on one bar that confirmed one',
    maxMs: ceilingsMs.sosLpsDetection,
    types: ['SOS', 'LPS'],
    detector: 'breakout',
  },
  {
    name: 'utad',
    about: 'the detector of UTADs on one bar that confirmed one',
    maxMs: ceilingsMs.utadDetection,
    types: ['UTAD'],
    detector: 'utad',
  },
  {
    name: 'all',
    about: 'phases and all detectors on one bar that confirmed a pattern',
    maxMs: ceilingsMs.allDetection,
    types: all,
    stage: 'patterns',
  },
  {
    name: 'validation',
    about: 'validation and signal building on one bar that confirmed a pattern',
    maxMs: ceilingsMs.validation,
    types: all,
    stage: 'validation',
    signals: true,
  },
]

function rowCase({ name, about, maxMs, types, stage, detector, signals = false }: Row): BenchCase {
  return {
    name: `nfr-detection/${name}`,
    unit: 'bar',
    about,
    budgets: (['p50', 'p95', 'p99'] as const).map((statistic) => ({
      kind: 'ceiling',
      statistic,
      maxNs: maxMs * 1e6,
      reason: `At most ${maxMs} ms per symbol per bar (specification, section 4).`,
    })),
    gate: false,
    async setup({ seed }): Promise<Work> {
      const stops = walkPatternBars({ seed, history, length, wanted: types })
      const found = new PatternCount()
      let built = 0
      const clock = new StageClock()
      let walk: Walk
      let timeOf: () => number
      if (detector !== undefined) {
        const { engine, times } = await timedEngine()
        const timed = engine.createSignalEngine({ preset: 'standard' })
        walk = new Walk(stops, (bars) => timed.open(bars))
        timeOf = () => times[detector]
        return work(walk, timeOf, () => void (times[detector] = 0))
      }
      const engine = createSignalEngine({ preset: 'standard' })
      walk = new Walk(stops, (bars) => engine.open(bars, { observer: clock }))
      timeOf = () => clock.stageNs(stage!)
      return work(walk, timeOf, () => undefined)

      function work(walk: Walk, timeOf: () => number, before: () => void): Work {
        return {
          units: 1,
          timesItself: true,
          // The bars before count towards a round, or it would hold tens of thousands of these short iterations.
          run() {
            walk.toNext()
            before()
            const outcome = walk.push()
            const ns = timeOf()
            const confirmed = outcome.patterns.filter(({ confirmedBar }) => confirmedBar === walk.stop.bar)
            found.add(confirmed.map(({ type }) => type))
            built += outcome.signals.length
            return ns
          },
          notes() {
            if (signals && built === 0) throw new Error('no signal was built while measuring')
            return [`on bars with ${found.told(types)}${signals ? `; ${built} signals built` : ''}`]
          },
        }
      }
    },
  }
}

export default rows.map(rowCase)
