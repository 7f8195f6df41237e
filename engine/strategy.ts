import type { BarSeries } from './bar-series.ts'
import type { PortfolioCampaign, PortfolioPosition } from './risk.ts'
import type { Side } from './signal.ts'

export type ExitReason = 'STOP' | 'TARGET' | 'REVERSAL' | 'BREAKDOWN' | 'TIME' | 'PHASE' | 'STRATEGY'

/**
 * Decides, bar by bar. The engine calls `start` once per run and symbol; what a run must remember lives in what
 * `start` returns, so one strategy object can serve many runs.
 */
export interface Strategy {
  readonly name: string
  start(context: StrategyContext): StrategyRun
}

export interface StrategyContext {
  /** The whole series. Bars after the one being decided on are the future: `probeLookAhead` finds readers of it. */
  readonly bars: BarSeries
  /** First bar that may be traded; earlier ones are there to warm up on. */
  readonly first: number
  /** One past the last bar of the run. */
  readonly end: number
  readonly initialCapital: number
}

export interface StrategyRun {
  /**
   * Called at the close of bar `bar`, after fills, stops and the mark. Orders placed here are filled from the next
   * bar on. Must return nothing: an engine that replays history cannot wait for a promise.
   */
  onBar(bar: number, broker: Broker): void
  /**
   * Bars at which `onBar` has something to do, ascending, when they are known beforehand; read once, at the start. All others are
   * skipped, and stretches without a position or an order cost next to nothing.
   */
  readonly wakeBars?: ArrayLike<number>
  /** Called once, after the last bar of a run that came to its end. */
  end?(): void
  /** How many signals there were so far, traded or not. Without it every entry ordered counts as one. */
  readonly signalCount?: number
}

/** The account as one symbol's strategy sees it, at the close of the bar it is called for. */
export interface Broker {
  /** Quantity held in this symbol; negative when short, 0 when flat. */
  readonly position: number
  /** Average entry price of the position, null when flat. */
  readonly averageEntry: number | null
  readonly cash: number
  /** Cash plus all positions at the last known prices. */
  readonly equity: number
  /** Orders of this symbol that wait. */
  readonly pendingOrders: number
  /** Queues an entry; answers with its order id. A position of the opposite side is closed first (REVERSAL). */
  enter(order: EntryOrder): number
  /** Queues an exit of this symbol's position: all of it unless `quantity` or `frac` says less. */
  exit(order?: ExitOrder): number
  /** Takes a waiting order back; false when it is not waiting any more. */
  cancel(orderId: number): boolean
  /** Moves the stop of every open entry of this symbol, from the next bar on. */
  moveStop(price: number): void
  /** The same, for those entries only whose stop lies farther away or that have none. */
  tightenStop(price: number): void
  /** Every open entry of the account, of all its symbols. */
  positions(): PortfolioPosition[]
  /** The campaigns that the account's open entries named, and the one asked for, when it is over but not long ago. */
  campaigns(asked?: string): readonly PortfolioCampaign[]
}

export interface Target {
  readonly price: number
  /** Share of the entry's quantity to close here; the last target closes what is left. */
  readonly frac: number
}

export interface EntryOrder {
  readonly side: Side
  /**
   * Shares (or coins), more than 0. `max` is what the cash can pay at the fill. Without it the order is worth
   * `positionFrac` of equity at the close, in whole lots.
   */
  readonly quantity?: number | 'max'
  /** `market` (default): the next open. `limit`: at `price` or better. `stop`: market once `price` is touched. */
  readonly type?: 'market' | 'limit' | 'stop'
  readonly price?: number
  /** Protective stop: a market exit at this price, or at the open of a bar that opens beyond it. */
  readonly stop?: number
  /** Limit exit of everything. Use either this or `targets`. */
  readonly target?: number
  /** Scaled exits, nearest first. */
  readonly targets?: readonly Target[]
  /** After the first target the stop moves to the entry price, after the second to the first target. */
  readonly ratchetStop?: boolean
  /** Overrides the config's `trailingStop` for this entry. Needs a stop. */
  readonly trailing?: boolean
  /** A limit or stop order lapses after so many bars. */
  readonly validBars?: number
  /** Why this trade exists; reported with it. */
  readonly tag?: EntryTag
}

export interface EntryTag {
  readonly pattern?: string
  readonly phase?: string
  readonly campaign?: string
  /** The bar at whose close the last fact behind this order was confirmed. Checked against the bar of the order. */
  readonly confirmedBar?: number
}

export interface ExitOrder {
  readonly quantity?: number
  /** Share of the position, above 0 up to 1. */
  readonly frac?: number
  readonly type?: 'market' | 'limit' | 'stop'
  readonly price?: number
  readonly reason?: ExitReason
}
