/**
 * What a backtest refuses: a bad config, bad bars, a strategy that throws or orders nonsense. `field` names the
 * part that is wrong (a config path such as `commission.minimum`, an order's `stop`, or `strategy`); `bar` is the
 * index of the bar at which it was found, null before the first.
 */
export class BacktestError extends Error {
  override readonly name = 'BacktestError'
  readonly field: string
  readonly bar: number | null

  constructor(field: string, bar: number | null, message: string, cause?: unknown) {
    super(
      bar === null ? `${field}: ${message}` : `${field} at bar ${bar}: ${message}`,
      cause === undefined ? undefined : { cause },
    )
    this.field = field
    this.bar = bar
  }
}
