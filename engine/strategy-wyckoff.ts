import { campaignId, campaignMs } from './campaign.ts'
import { PhaseExits } from './phase-exits.ts'
import type { Portfolio, RiskLimits } from './risk.ts'
import type { BarOutcome, PatternType, Signal } from './signal.ts'
import { createSignalEngine } from './signal-engine.ts'
import type { SignalFollower } from './signal-engine.ts'
import type { SignalOptions } from './signal-options.ts'
import type { Broker, ExitReason, Strategy, StrategyContext, StrategyRun } from './strategy.ts'

export interface WyckoffOptions {
  /** Patterns to trade; all when absent. */
  readonly patterns?: readonly PatternType[]
  readonly name?: string
  readonly exitMode?: 'single' | 'scaled'
  /** Trade signals that a person should have looked at first. */
  readonly tradeReviewSignals?: boolean
  /** Lift the halt after a daily loss of .03 or a drawdown of .15. */
  readonly haltCleared?: boolean
  /** Reduce positions and draw stops in as phase E tires (method 7.3). Default: off. */
  readonly applyPhaseExits?: boolean
  readonly limits?: Partial<RiskLimits>
  readonly signals?: Omit<SignalOptions, 'account' | 'limits'>
}

const dayMs = 86_400_000

const none = new Float64Array(0)
const noColumns = { time: none, open: none, high: none, low: none, close: none, volume: none }
let idle: WyckoffRun | undefined

/**
 * Trades the signal engine's signals at the next open. The engine goes bar by bar and judges each candidate
 * against the account of the backtest itself, as it stands at that bar's close.
 */
export function wyckoff(options: WyckoffOptions = {}): Strategy {
  return {
    name: options.name ?? 'wyckoff_all',
    start(context) {
      // One that never runs: see `Specimens` of the signal engine.
      idle ??= new WyckoffRun(
        { ...context, bars: { ...context.bars, length: 0, ...noColumns }, first: 0, end: 0 },
        {},
      )
      return new WyckoffRun(context, options)
    },
  }
}

class WyckoffRun implements StrategyRun {
  private readonly context: StrategyContext
  private readonly options: WyckoffOptions
  private readonly signals: SignalFollower
  private readonly phaseExits: PhaseExits | null
  private readonly started = new Map<string, number>()
  signalCount = 0
  private broker: Broker | null = null
  private campaign: string | null = null
  private day = -1
  // Doubles from the start (decision 19).
  private peak = NaN
  private dayStart = NaN
  private equityBefore = NaN

  constructor(context: StrategyContext, options: WyckoffOptions) {
    this.context = context
    this.options = options
    const { bars, first, end } = context
    this.peak = this.dayStart = this.equityBefore = 0
    this.phaseExits = options.applyPhaseExits === true ? new PhaseExits(bars) : null
    const { limits, signals } = options
    this.signals = createSignalEngine({
      ...signals,
      account: (_bar, campaign) => this.portfolio(campaign),
      ...(limits === undefined ? {} : { limits }),
    }).follow(bars, end)
    for (let bar = 0; bar < first; bar++) this.next()
  }

  onBar(bar: number, broker: Broker): void {
    this.broker = broker
    this.watch(bar, broker.equity)
    const added = this.next()
    if (broker.position !== 0) this.manage(bar, broker, added)
    // Signals that were filled or ended on this bar come again; only new ones are traded.
    // By index here and below: an iterator is an object, and each of its steps another, on every bar.
    const { signals } = added
    for (let k = 0; k < signals.length; k++)
      if (signals[k].confirmedBar === bar) this.trade(signals[k], broker)
  }

  end(): void {
    this.signals.close()
  }

  private next(): BarOutcome {
    const added = this.signals.next()
    this.phaseExits?.read(added)
    return added
  }

  private watch(bar: number, equity: number): void {
    const day = Math.floor(this.context.bars.time[bar] / dayMs)
    if (day !== this.day) {
      this.dayStart = this.day < 0 ? equity : this.equityBefore
      this.day = day
    }
    this.equityBefore = equity
    if (equity > this.peak) this.peak = equity
  }

  private portfolio(campaign: string): Portfolio {
    const { broker } = this
    // Before the first bar to be traded there is an account, but nothing in it that could be risked.
    if (broker === null) return { equity: this.context.initialCapital, positions: [], campaigns: [] }
    const { equity } = broker
    return {
      equity,
      positions: broker.positions(),
      campaigns: broker.campaigns(campaign),
      dailyLossFrac: this.dayStart > 0 ? Math.max(0, 1 - equity / this.dayStart) : 0,
      drawdownFrac: this.peak > 0 ? 1 - equity / this.peak : 0,
      haltCleared: this.options.haltCleared ?? false,
    }
  }

  private trade(signal: Signal, broker: Broker): void {
    const { patterns, tradeReviewSignals = true, exitMode = 'single' } = this.options
    if (patterns !== undefined && !patterns.includes(signal.patternType)) return
    this.signalCount++
    if (signal.requiresReview && !tradeReviewSignals) return
    const side = signal.side === 'LONG' ? 1 : -1
    // One position a symbol: what is open is added to by its own campaign only.
    if (broker.position * side > 0 && signal.campaignId !== this.campaign) return
    const { plan } = signal
    if (!this.started.has(signal.campaignId)) this.started.set(signal.campaignId, signal.confirmedTime)
    this.campaign = signal.campaignId
    const tag = {
      pattern: signal.patternType,
      phase: signal.phase,
      campaign: signal.campaignId,
      confirmedBar: signal.confirmedBar,
    }
    const order = { side: signal.side, quantity: signal.positionSize, stop: signal.stopLoss, tag }
    if (exitMode === 'single') broker.enter({ ...order, target: signal.primaryTarget })
    else {
      const targets = plan.scaledTargets.map(({ price, share }) => ({ price, frac: share }))
      broker.enter({ ...order, targets, ratchetStop: true })
    }
  }

  /** Breakdowns of the position's range, and the end of a campaign's time. */
  private manage(bar: number, broker: Broker, added: BarOutcome): void {
    const { campaign } = this
    if (campaign === null) return
    const { symbol, timeframe, time, low, high } = this.context.bars
    const long = broker.position > 0
    const { log } = added
    for (let k = 0; k < log.length; k++) {
      const fact = log[k]
      if (fact.kind !== 'RANGE_STATUS') continue
      const { reason } = fact.data
      if (typeof reason !== 'string') continue
      if (!breakdowns.has(reason)) continue
      const rangeStart = Number(fact.key.split('|')[2])
      if (campaignId(symbol, timeframe, rangeStart, long ? 'LONG' : 'SHORT') !== campaign) continue
      if (reason.startsWith('FAILED')) {
        broker.exit({ frac: 0.5, reason: 'BREAKDOWN' })
        broker.moveStop(long ? low[bar] * 0.99 : high[bar] * 1.01)
      } else {
        this.leave(broker, 'BREAKDOWN')
      }
      return
    }
    const started = this.started.get(campaign)
    if (started !== undefined && time[bar] - started >= campaignMs) this.leave(broker, 'TIME')
    else this.phaseExits?.apply(campaign, bar, broker)
  }

  private leave(broker: Broker, reason: ExitReason): void {
    broker.exit({ reason })
  }
}

/** How a range may end by breaking down (method 7.4), and the mirrors. */
const breakdowns: ReadonlySet<string> = new Set([
  'FAILED_ACCUMULATION',
  'UTAD_REVERSAL',
  'DISTRIBUTION',
  'FAILED_DISTRIBUTION',
  'SPRING_REVERSAL',
  'ACCUMULATION',
])
