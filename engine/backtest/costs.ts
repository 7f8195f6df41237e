import type { BarSeries } from '../bar-series.ts'
import type { CommissionConfig, SlippageConfig } from './config.ts'

/** What one fill of `quantity` at `price` costs. */
export function commissionOf(config: CommissionConfig, quantity: number, price: number): number {
  if (config.model === 'FIXED') return config.amount
  const raw = config.model === 'PER_SHARE' ? config.perShare * quantity : config.frac * quantity * price
  const floored = raw < config.minimum ? config.minimum : raw
  return config.maximum !== null && floored > config.maximum ? config.maximum : floored
}

const liquidDollarVolume = 1_000_000
const dollarVolumeBars = 20
const zeroVolumeFrac = 0.0005

/** How far a market order of `quantity` in bar `bar` fills from its reference price, as a fraction of it. */
export function slippageOf(config: SlippageConfig, bars: BarSeries, bar: number, quantity: number): number {
  if (config.model === 'FIXED_PERCENTAGE') return config.frac
  const volume = bars.volume[bar]
  if (volume === 0) return zeroVolumeFrac
  const base = config.model === 'VOLUME_WEIGHTED' ? config.frac : liquidityFrac(bars, bar)
  return base + impact(quantity / volume)
}

function liquidityFrac({ close, volume }: BarSeries, bar: number): number {
  const first = bar < dollarVolumeBars ? 0 : bar - dollarVolumeBars
  let sum = 0
  for (let i = first; i < bar; i++) sum += close[i] * volume[i]
  // Written as a product: no bars before means no evidence of liquidity.
  return sum >= liquidDollarVolume * (bar - first) && bar > first ? 0.0002 : 0.0005
}

/** A tenth of the bar's volume is free; each further tenth, begun, costs one basis point. */
function impact(participation: number): number {
  return participation <= 0.1 ? 0 : Math.ceil((participation - 0.1) / 0.1 - 1e-9) * 0.0001
}
