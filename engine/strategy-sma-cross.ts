import type { Broker, Strategy, StrategyContext, StrategyRun } from './strategy.ts'

interface SmaCrossOptions {
  /** Bars of the fast average. */
  readonly fast?: number
  /** Bars of the slow average, more than `fast`. */
  readonly slow?: number
  /** Go short on the cross down instead of staying flat. */
  readonly short?: boolean
}

/** Rolling sums drift by rounding; both are summed afresh at every bar whose index is a multiple of this. */
const refreshEvery = 4096

/**
 * The reference strategy: long at the open after the fast mean of closes has crossed above the slow one, out (or
 * short) after it has crossed below.
 */
export function smaCross(options: SmaCrossOptions = {}): Strategy {
  const { fast = 10, slow = 30, short = false } = options
  for (const [field, bars] of Object.entries({ fast, slow })) {
    if (!Number.isInteger(bars) || bars < 1) {
      throw new RangeError(`smaCross: ${field} must be a whole number of bars of at least 1, got ${bars}`)
    }
  }
  if (fast >= slow) throw new RangeError(`smaCross: fast (${fast}) must be less than slow (${slow})`)
  return { name: 'sma_cross', start: (context) => new SmaCrossRun(context, fast, slow, short) }
}

class SmaCrossRun implements StrategyRun {
  private readonly close: Float64Array
  private readonly fast: number
  private readonly slow: number
  private readonly short: boolean
  private fastSum = 0
  private slowSum = 0
  /** 1 while the fast mean is above, -1 below, 0 equal or unknown. */
  private above = 0
  private next = -1

  constructor(context: StrategyContext, fast: number, slow: number, short: boolean) {
    this.close = context.bars.close
    this.fast = fast
    this.slow = slow
    this.short = short
  }

  onBar(bar: number, broker: Broker): void {
    const { close, fast, slow } = this
    if (bar < slow - 1) return
    if (bar !== this.next || bar % refreshEvery === 0) {
      // A run that starts later than bar 0 must know which side the bar before was on.
      if (bar !== this.next && bar >= slow) {
        this.sum(bar - 1)
        this.above = Math.sign(this.fastSum * slow - this.slowSum * fast)
      }
      this.sum(bar)
    } else {
      const added = close[bar]
      this.fastSum += added - close[bar - fast]
      this.slowSum += added - close[bar - slow]
    }
    this.next = bar + 1
    const difference = this.fastSum * slow - this.slowSum * fast
    if (difference > 0) {
      if (this.above !== 1) this.cross(1, bar, broker)
    } else if (difference < 0) {
      if (this.above !== -1) this.cross(-1, bar, broker)
    } else {
      this.above = 0
    }
  }

  private cross(side: 1 | -1, bar: number, broker: Broker): void {
    const first = bar === this.slow - 1
    this.above = side
    if (first) return
    if (side === 1) {
      if (broker.position <= 0) broker.enter({ side: 'LONG' })
    } else if (this.short) {
      if (broker.position >= 0) broker.enter({ side: 'SHORT' })
    } else if (broker.position > 0) {
      broker.exit()
    }
  }

  private sum(bar: number): void {
    const { close, fast, slow } = this
    let sum = 0
    for (let i = bar; i > bar - fast; i--) sum += close[i]
    this.fastSum = sum
    for (let i = bar - fast; i > bar - slow; i--) sum += close[i]
    this.slowSum = sum
  }
}
