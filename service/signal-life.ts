import {
  exitWithin,
  refusedAtOpen,
  type BarSeries,
  type SignalLevels,
  type SignalStatus,
} from '@tapescope/engine'
import type { BookSignal } from './signal-rows.ts'

/** What has become of a signal, in times and prices. */
export interface SignalLife {
  status: SignalStatus
  filledTime: number | null
  fillPrice: number | null
  exitTime: number | null
  exitPrice: number | null
}

/** As the engine tells it. */
export function lifeOf(signal: BookSignal, bars: BarSeries): SignalLife {
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
 * The life of a signal that a person approved, by the engine's own rules: the engine itself, which knows bars only, has
 * it expire unread. It may fill at the open of the first bar after `approvedTime`.
 */
export function lifeAfterApproval(signal: BookSignal, bars: BarSeries, approvedTime: number): SignalLife {
  const levels: SignalLevels = {
    side: signal.side === 'LONG' ? 1 : -1,
    stop: signal.stopLoss,
    target: signal.primaryTarget,
  }
  const waiting = { filledTime: null, fillPrice: null, exitTime: null, exitPrice: null }
  let filledTime: number | null = null
  let fillPrice: number | null = null
  for (let i = 0; i < bars.length; i++) {
    const time = bars.time[i]
    if (time <= approvedTime) continue
    const open = bars.open[i]
    if (filledTime === null) {
      if (refusedAtOpen(levels, open) !== null) return { ...waiting, status: 'EXPIRED' }
      filledTime = time
      fillPrice = open
    }
    const exit = exitWithin(levels, open, bars.high[i], bars.low[i])
    if (exit !== null)
      return { status: exit.status, filledTime, fillPrice, exitTime: time, exitPrice: exit.price }
  }
  if (filledTime === null) return { ...waiting, status: 'APPROVED' }
  return { status: 'FILLED', filledTime, fillPrice, exitTime: null, exitPrice: null }
}
