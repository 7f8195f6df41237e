import { type BarSeries, createSignalEngine, type PatternType, type SignalEngine } from '@tapescope/engine'
import { type Database, openDatabase } from '../../service/database.ts'
import { servicePreset } from '../../service/decision-chain.ts'
import { loadBars } from '../../service/load-bars.ts'
import { migrate } from '../../service/migrate.ts'
import { storeBars } from '../../service/store-bars.ts'
import { storeSignals } from '../../service/store-signals.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import { slice } from '../unseen-bars.ts'
import { type Stop, walkPatternBars } from './pattern-bars.ts'

export interface PipelineRun {
  /** Patterns that this bar confirmed. */
  readonly types: readonly PatternType[]
  readonly newSignals: readonly string[]
  readonly ms: number
  /** Of these: statements of the generation (bars read, findings stored), without the engine and without storing the bar. */
  readonly databaseMs: number
  /** When all was stored, by `performance.now()`. */
  readonly ended: number
}

/**
 * The true full pipeline of one symbol and one bar, as the service runs it: the bar is stored with its ratios; the
 * series is read back and analysed from its first bar; ranges, patterns, campaigns, signals, notifications, audit
 * entries and the book are stored in one transaction, whose commit tells the signal feed.
 */
export async function runPipeline(
  database: Database,
  engine: SignalEngine,
  bars: BarSeries,
  bar: number,
): Promise<PipelineRun> {
  const began = performance.now()
  await storeBars(database, slice(bars, bar, bar + 1))
  const stored = performance.now()
  const series = await loadBars(database, bars)
  const read = performance.now()
  const result = engine.generate(series)
  const analysed = performance.now()
  const { newSignals } = await storeSignals(database, series, result, null, 'local')
  const ended = performance.now()
  if (result.bars !== bar + 1) throw new Error(`${result.bars} bars were analysed, not ${bar + 1}`)
  return {
    types: result.patterns.filter(({ confirmedBar }) => confirmedBar === bar).map(({ type }) => type),
    newSignals,
    ms: ended - began,
    databaseMs: read - stored + ended - analysed,
    ended,
  }
}

/** A migrated PostgreSQL of its own that writes to disk as in production, a pool and the service's engine. */
export class PipelineRig {
  readonly engine = createSignalEngine({ preset: servicePreset })
  readonly url: string
  readonly database: Database
  /** What the last statement of each name took, ms. */
  readonly statementMs = new Map<string, number>()
  private readonly stopPostgres: () => Promise<void>

  private constructor(url: string, stopPostgres: () => Promise<void>) {
    this.url = url
    this.stopPostgres = stopPostgres
    this.database = openDatabase({
      url,
      onQuery: (_type, seconds, name) => void this.statementMs.set(name, seconds * 1e3),
    })
  }

  static async start(): Promise<PipelineRig> {
    const postgres = await startTemporaryPostgres({})
    try {
      await migrate(postgres.url)
      return new PipelineRig(postgres.url, () => postgres.stop())
    } catch (error) {
      await postgres.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.database.close()
    await this.stopPostgres()
  }
}

/** Goes from bar to bar on which a pattern is confirmed: all bars before it stored and analysed, it itself not. */
export class PipelineWalk {
  stop!: Stop
  private readonly rig: PipelineRig
  private readonly stops: Generator<Stop, never>
  private bars: BarSeries | undefined
  private stored = 0

  /** `history` bars at least lie before each stop, 1,000 more at the most. `symbol` begins the names of its series. */
  constructor(rig: PipelineRig, seed: number, history: number, symbol = 'NFR') {
    this.rig = rig
    this.stops = walkPatternBars({ seed, history, length: history + 1_000, symbol })
  }

  /** Makes everything ready for the bar of the next stop. */
  async toNext(): Promise<void> {
    const { database, engine } = this.rig
    this.stop = this.stops.next().value
    const { bars, bar } = this.stop
    if (bars !== this.bars) {
      this.bars = bars
      this.stored = 0
    }
    await storeBars(database, slice(bars, this.stored, bar))
    const before = slice(bars, 0, bar)
    await storeSignals(database, before, engine.generate(before), null, 'local')
    this.stored = bar + 1
  }

  run(): Promise<PipelineRun> {
    return runPipeline(this.rig.database, this.rig.engine, this.stop.bars, this.stop.bar)
  }
}
