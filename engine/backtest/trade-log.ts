import type { BarSeries } from '../bar-series.ts'
import type { Side } from '../signal.ts'
import type { EntryTag, ExitReason } from '../strategy.ts'

/** One closed entry, or the closed part of one. Money in account currency, times in epoch ms. */
export interface Trade {
  /** 1, 2, 3... in order of closing. */
  readonly tradeId: number
  readonly positionId: number
  readonly symbol: string
  readonly side: Side
  readonly quantity: number
  readonly entryBar: number
  readonly exitBar: number
  readonly entryTime: number
  readonly exitTime: number
  readonly entryPrice: number
  readonly exitPrice: number
  /** Before commissions and borrow cost, after slippage. */
  readonly grossPnl: number
  readonly realizedPnl: number
  readonly entryCommission: number
  readonly exitCommission: number
  /** Money lost to slippage. */
  readonly entrySlippage: number
  readonly exitSlippage: number
  readonly borrowCost: number
  readonly initialStop: number | null
  /** Profit per unit over the risk per unit at entry; null without a stop. */
  readonly rMultiple: number | null
  readonly exitReason: ExitReason
  /** The bar at whose close the entry was ordered. */
  readonly signalBar: number
  readonly signalBarTime: number
  readonly patternType: string | null
  readonly entryPhase: string | null
  readonly campaignId: string | null
  /** The bar that confirmed the last fact behind the entry, when the strategy said so. */
  readonly confirmedBar: number | null
}

export const exitReasons: readonly ExitReason[] = [
  'STOP',
  'TARGET',
  'REVERSAL',
  'BREAKDOWN',
  'TIME',
  'PHASE',
  'STRATEGY',
]

const width = 18
export const emptyTag: EntryTag = {}

/**
 * Closed trades as rows of one growing Float64Array (144 bytes a trade), so that a run with many trades makes no
 * garbage; objects are built when somebody reads them.
 */
export class TradeLog {
  private rows = new Float64Array(width * 64)
  private readonly tags: EntryTag[] = []
  private lastTag: EntryTag = emptyTag
  private lastTagIndex = -1
  count = 0

  add(
    positionId: number,
    book: number,
    side: number,
    quantity: number,
    entryBar: number,
    exitBar: number,
    entryPrice: number,
    exitPrice: number,
    entryCommission: number,
    exitCommission: number,
    entrySlippage: number,
    exitSlippage: number,
    borrowCost: number,
    initialStop: number,
    reason: ExitReason,
    signalBar: number,
    tag: EntryTag,
  ): number {
    const gross = side * (exitPrice - entryPrice) * quantity
    const realized = gross - entryCommission - exitCommission - borrowCost
    if ((this.count + 1) * width > this.rows.length) {
      const grown = new Float64Array(this.rows.length * 2)
      grown.set(this.rows)
      this.rows = grown
    }
    const rows = this.rows
    const at = this.count * width
    rows[at] = positionId
    rows[at + 1] = book
    rows[at + 2] = side
    rows[at + 3] = quantity
    rows[at + 4] = entryBar
    rows[at + 5] = exitBar
    rows[at + 6] = entryPrice
    rows[at + 7] = exitPrice
    rows[at + 8] = realized
    rows[at + 9] = entryCommission
    rows[at + 10] = exitCommission
    rows[at + 11] = entrySlippage
    rows[at + 12] = exitSlippage
    rows[at + 13] = borrowCost
    rows[at + 14] = initialStop
    rows[at + 15] = exitReasons.indexOf(reason)
    rows[at + 16] = signalBar
    rows[at + 17] = this.tagIndex(tag)
    this.count++
    return realized
  }

  private tagIndex(tag: EntryTag): number {
    if (tag !== this.lastTag || this.lastTagIndex < 0) {
      this.lastTagIndex = this.tags.push(tag) - 1
      this.lastTag = tag
    }
    return this.lastTagIndex
  }

  realized(trade: number): number {
    return this.rows[trade * width + 8]
  }

  /** Sums of what all trades paid. */
  totals(): { pnl: number; commission: number; slippage: number; borrow: number } {
    let [pnl, commission, slippage, borrow] = [0, 0, 0, 0]
    for (let at = 0; at < this.count * width; at += width) {
      pnl += this.rows[at + 8]
      commission += this.rows[at + 9] + this.rows[at + 10]
      slippage += this.rows[at + 11] + this.rows[at + 12]
      borrow += this.rows[at + 13]
    }
    return { pnl, commission, slippage, borrow }
  }

  /** R of a trade, NaN without a stop. */
  rMultiple(trade: number): number {
    const rows = this.rows
    const at = trade * width
    const entry = rows[at + 6]
    return (rows[at + 2] * (rows[at + 7] - entry)) / Math.abs(entry - rows[at + 14])
  }

  toArray(series: readonly BarSeries[]): Trade[] {
    const trades: Trade[] = []
    for (let i = 0; i < this.count; i++) trades.push(this.trade(i, series))
    return trades
  }

  private trade(index: number, series: readonly BarSeries[]): Trade {
    const row = this.rows.subarray(index * width, (index + 1) * width)
    const bars = series[row[1]]
    const tag = this.tags[row[17]]
    const side = row[2]
    const r = this.rMultiple(index)
    return {
      tradeId: index + 1,
      positionId: row[0],
      symbol: bars.symbol,
      side: side > 0 ? 'LONG' : 'SHORT',
      quantity: row[3],
      entryBar: row[4],
      exitBar: row[5],
      entryTime: bars.time[row[4]],
      exitTime: bars.time[row[5]],
      entryPrice: row[6],
      exitPrice: row[7],
      grossPnl: side * (row[7] - row[6]) * row[3],
      realizedPnl: row[8],
      entryCommission: row[9],
      exitCommission: row[10],
      entrySlippage: row[11],
      exitSlippage: row[12],
      borrowCost: row[13],
      initialStop: Number.isNaN(row[14]) ? null : row[14],
      rMultiple: Number.isFinite(r) ? r : null,
      exitReason: exitReasons[row[15]],
      signalBar: row[16],
      signalBarTime: bars.time[row[16]],
      patternType: tag.pattern ?? null,
      entryPhase: tag.phase ?? null,
      campaignId: tag.campaign ?? null,
      confirmedBar: tag.confirmedBar ?? null,
    }
  }
}
