import type { BacktestConfig } from '@tapescope/engine'
import type { SeriesKey } from '../load-bars.ts'

/** What one run is: plain data, so that it can lie in a queue. */
export interface BacktestRequest extends SeriesKey {
  /** Epoch ms of the first and the last bar that may be traded; a day's bars are all in it. */
  startDate: number
  endDate: number
  config: BacktestConfig
}
