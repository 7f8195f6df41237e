import { type BarSeries, generateBars } from '@tapescope/engine'
import { slice } from '../unseen-bars.ts'
import { type LoadTimeframe, symbols, timeframes } from './traffic-model.ts'

/** Before, in and after the year of the backtests: what an analysis from the first stored bar works through. */
const from = Date.UTC(2020, 0, 1)
const to = Date.UTC(2024, 6, 1)

const dayMs = 86_400_000
const hourMs = 3_600_000

/** Open times within a trading day of a stock exchange, hours UTC: 13:00 to 20:00. */
const sessionHours: Readonly<Record<LoadTimeframe, readonly number[]>> = {
  '1d': [0],
  '4h': [12, 16],
  '1h': [13, 14, 15, 16, 17, 18, 19],
}

/**
 * Bars of the ten symbols in three timeframes, 2020-01-01 to 2024-07-01, Monday to Friday, in trading hours as stocks
 * have: 1,173 daily, 2,346 of four hours and 8,211 hourly bars each. Structures are planted in them, so that there is
 * something to find. The same seed gives the same bars.
 */
export function* seedBars(seed: number): Generator<BarSeries> {
  let next = seed
  for (const symbol of symbols)
    for (const timeframe of timeframes) {
      const time = sessionTimes(sessionHours[timeframe])
      const { bars } = generateBars({ seed: next++, length: time.length, symbol, timeframe })
      yield { ...slice(bars, 0, time.length), time }
    }
}

function sessionTimes(hours: readonly number[]): Float64Array {
  const times: number[] = []
  for (let day = from; day < to; day += dayMs) {
    const weekday = new Date(day).getUTCDay()
    if (weekday === 0 || weekday === 6) continue
    for (const hour of hours) times.push(day + hour * hourMs)
  }
  return Float64Array.from(times)
}
