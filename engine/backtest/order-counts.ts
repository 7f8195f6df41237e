export interface DroppedOrder {
  readonly orderId: number
  readonly symbol: string
  readonly bar: number
  readonly status: 'CANCELLED' | 'REJECTED'
  readonly reason: string
}

/** How many dropped orders are kept one by one; the counts stay exact. */
const kept = 1000

/** What became of all orders: submitted = filled + cancelled + rejected + those still waiting. */
export class OrderCounts {
  submitted = 0
  filled = 0
  cancelled = 0
  rejected = 0
  /** Cancelled and rejected orders by reason. */
  readonly reasons: Record<string, number> = {}
  /** The first thousand of them. */
  readonly dropped: DroppedOrder[] = []

  drop(orderId: number, symbol: string, bar: number, status: DroppedOrder['status'], reason: string): void {
    if (status === 'CANCELLED') this.cancelled++
    else this.rejected++
    this.reasons[reason] = (this.reasons[reason] ?? 0) + 1
    if (this.dropped.length < kept) this.dropped.push({ orderId, symbol, bar, status, reason })
  }
}
