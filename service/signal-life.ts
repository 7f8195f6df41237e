import type { BarSeries, Signal, SignalStatus } from '@tapescope/engine'

/** What has become of a signal, in times and prices. */
export interface SignalLife {
  status: SignalStatus
  filledTime: number | null
  fillPrice: number | null
  exitTime: number | null
  exitPrice: number | null
}

/** As the engine tells it. */
export function lifeOf(signal: Signal, bars: BarSeries): SignalLife {
  const { status, filledBar, fillPrice, exitBar, exitPrice } = signal
  return {
    status,
    filledTime: filledBar === null ? null : bars.time[filledBar],
    fillPrice,
    exitTime: exitBar === null || exitPrice === null ? null : bars.time[exitBar],
    exitPrice,
  }
}

/**
 * The life of a signal that a person approved: the engine, which knows bars only, has it expire unread. It fills at
 * the open of the first bar after `approvedTime` unless that lies beyond its stop or target, and ends at either;
 * both touched in one bar counts as the stop (spec 13.2).
 */
export function lifeAfterApproval(signal: Signal, bars: BarSeries, approvedTime: number): SignalLife {
  const side = signal.side === 'LONG' ? 1 : -1
  const { stopLoss, primaryTarget } = signal
  const waiting = { filledTime: null, fillPrice: null, exitTime: null, exitPrice: null }
  let filledTime: number | null = null
  let fillPrice: number | null = null
  for (let i = 0; i < bars.length; i++) {
    const time = bars.time[i]
    if (time <= approvedTime) continue
    const open = bars.open[i]
    if (filledTime === null) {
      if (side * (open - stopLoss) <= 0 || side * (primaryTarget - open) <= 0) {
        return { ...waiting, status: 'EXPIRED' }
      }
      filledTime = time
      fillPrice = open
    }
    const worst = side === 1 ? bars.low[i] : bars.high[i]
    const best = side === 1 ? bars.high[i] : bars.low[i]
    const stopped = side * (worst - stopLoss) <= 0
    if (stopped || side * (best - primaryTarget) >= 0) {
      // A bar that opens beyond the stop fills there.
      const gap = side * (open - stopLoss) < 0
      const exitPrice = stopped ? (gap ? open : stopLoss) : primaryTarget
      return { status: stopped ? 'STOPPED' : 'TARGET_HIT', filledTime, fillPrice, exitTime: time, exitPrice }
    }
  }
  if (filledTime === null) return { ...waiting, status: 'APPROVED' }
  return { status: 'FILLED', filledTime, fillPrice, exitTime: null, exitPrice: null }
}
