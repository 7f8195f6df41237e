import type { BarSeries } from '../bar-series.ts'
import type { Side } from '../signal.ts'
import type { EntryTag, ExitReason } from '../strategy.ts'
import type { Book, Lot } from './book.ts'
import type { Fill } from './fill.ts'
import { Rows } from './rows.ts'

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
 * Closed trades as rows of numbers (144 bytes a trade), so that a run with many trades makes no garbage; objects are
 * built when somebody reads them.
 */
export class TradeLog {
  private readonly rows = new Rows(width)
  private readonly tags: EntryTag[] = []
  private lastTag: EntryTag = emptyTag
  private lastTagIndex = -1
  private lastReason: ExitReason = 'STRATEGY'
  private lastReasonCode = exitReasons.indexOf('STRATEGY')

  get count(): number {
    return this.rows.count
  }

  /** The part of a lot, which still holds it, has left in bar `exitBar`. */
  add({ positionId, index, side }: Book, lot: Lot, exitBar: number, fill: Fill, reason: ExitReason): void {
    const { rows } = this
    const { part: quantity, price: exitPrice, partCommission: exitCommission } = fill
    rows.add()
    const { chunk, at } = rows
    const share = quantity / lot.quantity
    const entryCommission = lot.commission * share
    const borrowCost = lot.borrow * share
    const gross = side * (exitPrice - lot.entryPrice) * quantity
    chunk[at] = positionId
    chunk[at + 1] = index
    chunk[at + 2] = side
    chunk[at + 3] = quantity
    chunk[at + 4] = lot.entryBar
    chunk[at + 5] = exitBar
    chunk[at + 6] = lot.entryPrice
    chunk[at + 7] = exitPrice
    chunk[at + 8] = gross - entryCommission - exitCommission - borrowCost
    chunk[at + 9] = entryCommission
    chunk[at + 10] = exitCommission
    chunk[at + 11] = lot.slippage * share
    chunk[at + 12] = fill.partSlippage
    chunk[at + 13] = borrowCost
    chunk[at + 14] = lot.initialStop
    chunk[at + 15] = this.reasonCode(reason)
    chunk[at + 16] = lot.signalBar
    chunk[at + 17] = this.tagIndex(lot.tag)
  }

  private reasonCode(reason: ExitReason): number {
    if (reason !== this.lastReason) {
      this.lastReason = reason
      this.lastReasonCode = exitReasons.indexOf(reason)
    }
    return this.lastReasonCode
  }

  private tagIndex(tag: EntryTag): number {
    if (tag !== this.lastTag || this.lastTagIndex < 0) {
      this.lastTagIndex = this.tags.push(tag) - 1
      this.lastTag = tag
    }
    return this.lastTagIndex
  }

  realized(trade: number): number {
    return this.rows.get(trade, 8)
  }

  /** R of a trade, NaN without a stop. */
  rMultiple(trade: number): number {
    const { rows } = this
    const stop = rows.get(trade, 14)
    if (Number.isNaN(stop)) return NaN
    const entry = rows.get(trade, 6)
    return (rows.get(trade, 2) * (rows.get(trade, 7) - entry)) / Math.abs(entry - stop)
  }

  toArray(series: readonly BarSeries[]): Trade[] {
    const trades: Trade[] = []
    for (let i = 0; i < this.count; i++) trades.push(this.trade(i, series))
    return trades
  }

  private trade(index: number, series: readonly BarSeries[]): Trade {
    const row = Array.from({ length: width }, (_, column) => this.rows.get(index, column))
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
