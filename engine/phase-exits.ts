import type { BarSeries } from './bar-series.ts'
import { campaignId } from './campaign.ts'
import { subStateOfE } from './phase-confidence.ts'
import type { BarOutcome, Side } from './signal.ts'
import type { Broker } from './strategy.ts'

/** One campaign's phase E. */
interface Trend {
  readonly began: number
  readonly side: Side
  /** Low (short: high) of the last point of support that began it. */
  readonly support: number
  halved: boolean
  quartered: boolean
}

/** How far beyond the last point of support the stop goes, as after a breakdown (method 7.4). */
const stopRoom = 0.01

/**
 * The exits of phase E (method 7.3): a mature trend's stop follows to beyond the last point of support, a late one gives up
 * half of the position and an exhausted one three quarters of what is there, each once.
 */
export class PhaseExits {
  private readonly bars: BarSeries
  private readonly trends = new Map<string, Trend>()

  constructor(bars: BarSeries) {
    this.bars = bars
  }

  /** To be called with what every bar added, whether something is held or not. */
  read({ log, events }: BarOutcome): void {
    const { symbol, timeframe } = this.bars
    for (let k = 0; k < log.length; k++) {
      if (log[k].kind !== 'PHASE') continue
      const { key, bar, data } = log[k]
      const rangeStart = Number(key.split('|')[2])
      const id = (side: Side): string => campaignId(symbol, timeframe, rangeStart, side)
      if (data['from'] === 'E') {
        this.trends.delete(id('LONG'))
        this.trends.delete(id('SHORT'))
      } else if (data['to'] === 'E') {
        const type = data['reason']
        const last = events.findLast((event) => event.type === type && event.rangeStartTime === rangeStart)
        const side = type === 'LPS' ? 'LONG' : 'SHORT'
        if (last === undefined) continue
        this.trends.set(id(side), {
          began: bar,
          side,
          support: last.price,
          halved: false,
          quartered: false,
        })
      }
    }
  }

  /** Orders what the sub-state at the close of `bar` asks of the position of `campaign`. */
  apply(campaign: string, bar: number, broker: Broker): void {
    const trend = this.trends.get(campaign)
    if (trend === undefined) return
    const direction = trend.side === 'LONG' ? 1 : -1
    const state = subStateOfE(trend.began, direction, this.bars, bar)
    if (state === 'MATURE') broker.tightenStop(trend.support * (1 - direction * stopRoom))
    else if (state === 'LATE' && !trend.halved) {
      trend.halved = true
      broker.exit({ frac: 0.5, reason: 'PHASE' })
    } else if (state === 'EXHAUSTION' && !trend.quartered) {
      // Whoever has left three quarters is not asked for a half any more.
      trend.halved = trend.quartered = true
      broker.exit({ frac: 0.75, reason: 'PHASE' })
    }
  }
}
